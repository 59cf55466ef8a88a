package main

import "sync"

const crowd = 16

func chanUncontended(l load) sample {
	rounds := l.count(50_000)
	c := make(chan int64, 100)
	m := startMeter()
	for range rounds {
		for range 100 {
			c <- 0
		}
		for range 100 {
			<-c
		}
	}
	return m.nsPerOp(100 * rounds)
}

func chanPingPong(l load) sample {
	laps := l.count(1_000_000)
	there, back := make(chan int64, 1), make(chan int64, 1)
	go func() {
		// One lap more than timed: the first one starts the goroutine.
		for range laps + 1 {
			back <- <-there
		}
	}()
	there <- 0
	<-back
	m := startMeter()
	for range laps {
		there <- 0
		<-back
	}
	return m.nsPerOp(laps)
}

// passThrough returns the scenario for a capacity and numbers of goroutines.
func passThrough(capacity, producers, consumers, full int) func(load) sample {
	return func(l load) sample {
		each := l.count(full / producers)
		c := make(chan int64, capacity)
		var sending, receiving sync.WaitGroup
		sending.Add(producers)
		receiving.Add(consumers)
		m := startMeter()
		for range producers {
			go func() {
				for i := range each {
					c <- int64(i)
				}
				sending.Done()
			}()
		}
		for range consumers {
			go func() {
				for range c {
				}
				receiving.Done()
			}()
		}
		sending.Wait()
		close(c)
		receiving.Wait()
		return m.nsPerOp(producers * each)
	}
}

func futureOneShot(l load) sample {
	n := l.count(1_000_000)
	m := startMeter()
	for i := range n {
		future := make(chan int64, 1)
		go func() { future <- int64(i) }()
		if <-future != int64(i) {
			panic("another future's value")
		}
	}
	return m.nsPerOp(n)
}

func selectUncontended(l load) sample {
	n := l.count(3_000_000)
	a, b := make(chan int64, 1), make(chan int64, 1)
	a <- 0
	m := startMeter()
	for range n {
		select {
		case <-a:
			b <- 0
		case <-b:
			a <- 0
		}
	}
	return m.nsPerOp(n)
}

func selectProdCons(l load) sample {
	n := l.count(2_000_000)
	c, end := make(chan int64, 128), make(chan int64)
	m := startMeter()
	go func() {
		for range n {
			select {
			case c <- 0:
			case <-end:
				panic("the end came too soon")
			}
		}
	}()
	for range n {
		select {
		case <-c:
		case <-end:
			panic("the end came too soon")
		}
	}
	return m.nsPerOp(n)
}

func mutexUncontended(l load) sample {
	n := l.count(20_000_000)
	var mutex sync.Mutex
	m := startMeter()
	for range n {
		mutex.Lock()
		mutex.Unlock()
	}
	return m.nsPerOp(n)
}

func mutex16(l load) sample {
	each := l.count(500_000)
	var mutex sync.Mutex
	var wg sync.WaitGroup
	value := 0
	wg.Add(crowd)
	m := startMeter()
	for range crowd {
		go func() {
			for range each {
				mutex.Lock()
				value++
				mutex.Unlock()
			}
			wg.Done()
		}()
	}
	wg.Wait()
	s := m.nsPerOp(crowd * each)
	if value != crowd*each {
		panic("two have held the mutex")
	}
	return s
}
