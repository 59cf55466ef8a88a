package main

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

func yieldMany(l load) sample {
	const tasks = 1_000
	yields := l.count(2_000)
	var wg sync.WaitGroup
	wg.Add(tasks)
	m := startMeter()
	for range tasks {
		go func() {
			for range yields {
				runtime.Gosched()
			}
			wg.Done()
		}()
	}
	wg.Wait()
	return m.nsPerOp(tasks * yields)
}

func yieldAlone(l load) sample {
	n := l.count(1_000_000)
	m := startMeter()
	for range n {
		runtime.Gosched()
	}
	return m.nsPerOp(n)
}

func makePermits(n int) []chan struct{} {
	permits := make([]chan struct{}, n)
	for i := range permits {
		permits[i] = make(chan struct{}, 1)
	}
	return permits
}

// passToken passes a token round the goroutines, of which the caller is one.
func passToken(tasks, laps int) meter {
	permits := makePermits(tasks)
	for i := 1; i < tasks; i++ {
		go func(own <-chan struct{}, next chan<- struct{}) {
			// One lap more than timed: the first one starts the goroutines.
			for range laps + 1 {
				<-own
				next <- struct{}{}
			}
		}(permits[i], permits[(i+1)%tasks])
	}
	permits[1] <- struct{}{}
	<-permits[0]
	m := startMeter()
	for range laps {
		permits[1] <- struct{}{}
		<-permits[0]
	}
	return m
}

func pingPong(l load) sample {
	laps := l.count(1_000_000)
	return passToken(2, laps).nsPerOp(laps)
}

func ring(l load) sample {
	laps := l.count(2_000)
	return passToken(1_000, laps).nsPerOp(1_000 * laps)
}

// wakeupParallel returns the scenario for one length of the work after a wake.
func wakeupParallel(delay time.Duration) func(load) sample {
	return func(l load) sample {
		const waiters = 64
		rounds := l.count(8_000)
		if delay > 0 {
			rounds = l.count(4_000 / int(delay/time.Microsecond))
		}
		permits := makePermits(waiters)
		done := make(chan struct{}, 1)
		var remaining atomic.Int64
		for _, permit := range permits {
			go func() {
				// One round more than timed: the first one starts the goroutines.
				for range rounds + 1 {
					<-permit
					if delay > 0 {
						spin(delay)
					}
					if remaining.Add(-1) == 0 {
						done <- struct{}{}
					}
				}
			}()
		}
		round := func() {
			remaining.Store(waiters)
			for _, permit := range permits {
				permit <- struct{}{}
			}
			<-done
		}
		round()
		m := startMeter()
		for range rounds {
			round()
		}
		return m.nsPerOp(rounds * waiters)
	}
}
