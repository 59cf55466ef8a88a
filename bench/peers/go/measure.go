package main

import (
	"fmt"
	"os"
	"sort"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// load says how much work one pass does.
type load struct {
	workers int
	scale   float64
}

// count is full iterations at scale 1, at least one at any scale.
func (l load) count(full int) int {
	return max(1, int(float64(full)*l.scale))
}

// sample is the result of one pass, ready to be printed.
type sample struct {
	unit       string
	value      float64
	cpuNsPerOp float64
	extra      map[string]float64
}

// meter runs from startMeter to one of its methods.
type meter struct {
	wall time.Time
	cpu  time.Duration
}

func startMeter() meter {
	cpu := cpuTime()
	return meter{time.Now(), cpu}
}

func (m meter) nsPerOp(ops int) sample {
	return m.sample("ns/op", float64(time.Since(m.wall))/float64(ops), ops)
}

func (m meter) millis(ops int) sample {
	return m.sample("ms", time.Since(m.wall).Seconds()*1e3, ops)
}

// sample is for scenarios whose figure is not the elapsed time.
func (m meter) sample(unit string, value float64, ops int) sample {
	return sample{unit, value, float64(cpuTime()-m.cpu) / float64(ops), map[string]float64{}}
}

func cpuTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// memory is what this process uses, in bytes.
type memory struct {
	resident   float64 // exact: the counters in statm are batched per CPU
	pageTables float64
}

func memoryNow() memory {
	return memory{
		resident:   procBytes("/proc/self/smaps_rollup", "Rss:"),
		pageTables: procBytes("/proc/self/status", "VmPTE:"),
	}
}

func procBytes(path, key string) float64 {
	text, err := os.ReadFile(path)
	check(err == nil, "cannot read "+path)
	for _, line := range strings.Split(string(text), "\n") {
		if fields := strings.Fields(line); len(fields) == 3 && fields[0] == key {
			kib, err := strconv.ParseFloat(fields[1], 64)
			check(err == nil, "not a number in "+path)
			return kib * 1024
		}
	}
	panic("no " + key + " in " + path)
}

// spin keeps the CPU busy.
func spin(duration time.Duration) {
	for start := time.Now(); time.Since(start) < duration; {
	}
}

// percentile sorts its argument.
func percentile(values []time.Duration, p int) float64 {
	sort.Slice(values, func(i, j int) bool { return values[i] < values[j] })
	return float64(values[(len(values)-1)*p/100]) / 1e3
}

func leave(status int, message string) {
	fmt.Fprintln(os.Stderr, "go-bench:", message)
	os.Exit(status)
}

func check(ok bool, message string) {
	if !ok {
		leave(1, message)
	}
}

// disturbed ends the program in the way that asks for another try: bench/README.md.
func disturbed(was bool, message string) {
	if was {
		leave(75, message)
	}
}
