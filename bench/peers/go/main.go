// go-bench SCENARIO WORKERS [SCALE]: one warm-up, one measured pass, one line of JSON.
// go-bench echo_server WORKERS [spin|sleep HOGS]: serves until it is killed.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"time"
)

type scenario struct {
	pass func(load) sample
	// fresh scenarios measure fresh memory, so a pass before would spoil them.
	fresh bool
}

var scenarios = map[string]scenario{
	"spawn_join_one":          {pass: spawnJoinOne},
	"spawn_many_local":        {pass: spawnManyLocal},
	"spawn_many_remote_idle":  {pass: spawnManyRemoteIdle},
	"spawn_many_remote_busy1": {pass: spawnManyRemoteBusy1},
	"spawn_many_remote_busy2": {pass: spawnManyRemoteBusy2},
	"chained_spawn":           {pass: chainedSpawn},
	"create_tasks_parallel":   {pass: createTasksParallel},
	"unstarted_bytes":         {pass: unstartedBytes, fresh: true},
	"yield_many":              {pass: yieldMany},
	"yield_alone":             {pass: yieldAlone},
	"ping_pong":               {pass: pingPong},
	"ring":                    {pass: ring},
	"chan_uncontended":        {pass: chanUncontended},
	"chan_ping_pong":          {pass: chanPingPong},
	"chan_sync":               {pass: passThrough(0, 1, 1, 1_000_000)},
	"chan_prod_cons_128":      {pass: passThrough(128, 1, 1, 5_000_000)},
	"chan_fan_in":             {pass: passThrough(128, crowd, 1, 2_400_000)},
	"chan_fan_out":            {pass: passThrough(128, 1, crowd, 2_400_000)},
	"future_one_shot":         {pass: futureOneShot},
	"select_uncontended":      {pass: selectUncontended},
	"select_prod_cons":        {pass: selectProdCons},
	"mutex_uncontended":       {pass: mutexUncontended},
	"mutex_16":                {pass: mutex16},
	"wakeup_parallel_0":       {pass: wakeupParallel(0)},
	"wakeup_parallel_1":       {pass: wakeupParallel(1 * time.Microsecond)},
	"wakeup_parallel_5":       {pass: wakeupParallel(5 * time.Microsecond)},
	"wakeup_parallel_10":      {pass: wakeupParallel(10 * time.Microsecond)},
	"skynet":                  {pass: skynet},
	"sleep_100k":              {pass: sleep100k},
	"asleep_1m":               {pass: asleep1m, fresh: true},
	"timer_latency":           {pass: timerLatency},
}

func printSample(name string, workers int, s sample) error {
	return json.NewEncoder(os.Stdout).Encode(struct {
		Scenario   string             `json:"scenario"`
		Impl       string             `json:"impl"`
		Workers    int                `json:"workers"`
		Unit       string             `json:"unit"`
		Better     string             `json:"better"`
		Value      float64            `json:"value"`
		CPUNsPerOp float64            `json:"cpu_ns_per_op"`
		Extra      map[string]float64 `json:"extra"`
	}{name, "go", workers, s.unit, "lower", s.value, s.cpuNsPerOp, s.extra})
}

func run(args []string) error {
	if len(args) < 2 {
		return fmt.Errorf("usage: go-bench SCENARIO WORKERS [SCALE]")
	}
	workers, err := strconv.Atoi(args[1])
	if err != nil || workers < 1 {
		return fmt.Errorf("bad number of workers: %s", args[1])
	}
	runtime.GOMAXPROCS(workers)
	if args[0] == "echo_server" {
		return runEchoServer(args[2:])
	}
	scale := 1.0
	if len(args) == 3 {
		if scale, err = strconv.ParseFloat(args[2], 64); err != nil {
			return err
		}
	}
	scenario, ok := scenarios[args[0]]
	if !ok {
		return fmt.Errorf("no scenario %s", args[0])
	}
	l := load{workers, scale}
	if !scenario.fresh {
		scenario.pass(l)
	}
	return printSample(args[0], workers, scenario.pass(l))
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "go-bench:", err)
		os.Exit(1)
	}
}
