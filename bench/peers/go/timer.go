package main

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

func sleep100k(l load) sample {
	n := l.count(100_000)
	var wg sync.WaitGroup
	wg.Add(n)
	m := startMeter()
	for i := range n {
		go func() {
			time.Sleep(time.Duration(i*7919%100+1) * time.Millisecond)
			wg.Done()
		}()
	}
	wg.Wait()
	return m.millis(n)
}

// asleep1m returns while the goroutines still sleep: the process has to end.
func asleep1m(l load) sample {
	const duration = time.Minute
	n := l.count(1_000_000)
	var remaining atomic.Int64
	remaining.Store(int64(n))
	allAsleep := make(chan struct{}, 1)
	before := memoryNow()
	start := time.Now()
	m := startMeter()
	for range n {
		go func() {
			if remaining.Add(-1) == 0 {
				allAsleep <- struct{}{}
			}
			time.Sleep(duration)
		}()
	}
	<-allAsleep
	s := m.millis(n)
	time.Sleep(50 * time.Millisecond)
	after := memoryNow()
	s.extra["bytes_per_task"] = (after.resident - before.resident) / float64(n)
	s.extra["page_table_bytes_per_task"] = (after.pageTables - before.pageTables) / float64(n)
	check(time.Since(start) < duration, "the first goroutines woke up already")
	return s
}

func timerLatency(l load) sample {
	const (
		sleepers = 10
		nap      = time.Millisecond
		stall    = 50 * time.Microsecond
	)
	naps := l.count(200)
	var busy atomic.Bool
	var stallersDone, sleepersDone sync.WaitGroup
	busy.Store(true)
	late := make([]time.Duration, sleepers*naps)
	m := startMeter()
	stallersDone.Add(l.workers)
	for range l.workers {
		go func() {
			for busy.Load() {
				spin(stall)
				runtime.Gosched()
			}
			stallersDone.Done()
		}()
	}
	sleepersDone.Add(sleepers)
	for i := range sleepers {
		go func() {
			own := late[i*naps : (i+1)*naps]
			for j := range own {
				due := time.Now().Add(nap)
				time.Sleep(nap)
				own[j] = max(0, time.Since(due))
			}
			sleepersDone.Done()
		}()
	}
	sleepersDone.Wait()
	busy.Store(false)
	stallersDone.Wait()
	s := m.sample("us", 0, len(late))
	s.value = percentile(late, 99)
	s.extra["p50_us"] = percentile(late, 50)
	return s
}
