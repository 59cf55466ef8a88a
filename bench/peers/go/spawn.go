package main

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

const stall = 10 * time.Microsecond

func spawnJoinOne(l load) sample {
	n := l.count(1_000_000)
	// For one goroutine a channel is faster than a WaitGroup.
	done := make(chan struct{}, 1)
	m := startMeter()
	for range n {
		go func() { done <- struct{}{} }()
		<-done
	}
	return m.nsPerOp(n)
}

// spawnMany spawns n goroutines and joins them all.
func spawnMany(n int) {
	var wg sync.WaitGroup
	wg.Add(n)
	for range n {
		go wg.Done()
	}
	wg.Wait()
}

func spawnManyLocal(l load) sample {
	n := l.count(1_000_000)
	m := startMeter()
	spawnMany(n)
	return m.nsPerOp(n)
}

// spawnManyRemote spawns from a goroutine that has an OS thread to itself, the
// nearest that Go has to a thread the runtime did not start.
func spawnManyRemote(batches, batch int) sample {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	m := startMeter()
	for range batches {
		spawnMany(batch)
	}
	return m.nsPerOp(batches * batch)
}

func spawnManyRemoteIdle(l load) sample {
	return spawnManyRemote(l.count(20), 10_000)
}

func spawnManyRemoteBusy1(l load) sample {
	var busy atomic.Bool
	var background sync.WaitGroup
	busy.Store(true)
	for range 2 * l.workers {
		background.Add(1)
		go func() {
			defer background.Done()
			for busy.Load() {
				runtime.Gosched()
				spin(stall)
			}
		}()
	}
	s := spawnManyRemote(l.count(20), 10_000)
	busy.Store(false)
	background.Wait()
	return s
}

// stallingChain stalls and spawns its successor. The last one ends background.
func stallingChain(busy *atomic.Bool, background *sync.WaitGroup) {
	if !busy.Load() {
		background.Done()
		return
	}
	go func() {
		spin(stall)
		stallingChain(busy, background)
	}()
}

func spawnManyRemoteBusy2(l load) sample {
	var busy atomic.Bool
	var background sync.WaitGroup
	busy.Store(true)
	background.Add(l.workers)
	for range l.workers {
		go stallingChain(&busy, &background)
	}
	s := spawnManyRemote(1, l.count(1_000))
	busy.Store(false)
	background.Wait()
	return s
}

func chain(done chan<- struct{}, n int) {
	if n == 0 {
		done <- struct{}{}
		return
	}
	go chain(done, n-1)
}

func chainedSpawn(l load) sample {
	chains := l.count(1_000)
	done := make(chan struct{}, 1)
	m := startMeter()
	for range chains {
		chain(done, 1_000)
		<-done
	}
	return m.nsPerOp(chains * 1_000)
}

func createTasksParallel(l load) sample {
	length := l.count(1_000_000 / l.workers)
	done := make(chan struct{}, l.workers)
	m := startMeter()
	for range l.workers {
		chain(done, length)
	}
	for range l.workers {
		<-done
	}
	return m.nsPerOp(length * l.workers)
}

func unstartedBytes(l load) sample {
	check(l.workers == 1, "other workers would start the goroutines")
	n := l.count(5_000)
	var started atomic.Bool
	var wg sync.WaitGroup
	wg.Add(n)
	before := memoryNow()
	m := startMeter()
	for range n {
		go func() {
			started.Store(true)
			wg.Done()
		}()
	}
	disturbed(started.Load(), "a goroutine started too early") // we were preempted
	s := m.sample("bytes/task", 0, n)
	s.value = (memoryNow().resident - before.resident) / float64(n)
	wg.Wait()
	return s
}
