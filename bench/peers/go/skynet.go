package main

// node adds up the numbers of the leaves below it and sends the sum.
func node(result chan<- int64, first, leaves int64) {
	if leaves == 1 {
		result <- first
		return
	}
	children := make(chan int64, 10)
	share := leaves / 10
	for i := range int64(10) {
		go node(children, first+i*share, share)
	}
	var sum int64
	for range 10 {
		sum += <-children
	}
	result <- sum
}

func skynet(l load) sample {
	leaves := int64(10)
	for leaves*10 <= int64(l.count(1_000_000)) {
		leaves *= 10
	}
	result := make(chan int64, 1)
	m := startMeter()
	go node(result, 0, leaves)
	sum := <-result
	s := m.millis(int(leaves))
	check(sum == leaves*(leaves-1)/2, "wrong sum")
	return s
}
