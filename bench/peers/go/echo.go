package main

import (
	"fmt"
	"net"
	"strconv"
	"syscall"
	"time"
)

const (
	held = 50 * time.Millisecond
	free = 5 * time.Millisecond
)

func serve(conn net.Conn) {
	defer conn.Close()
	buf := make([]byte, 16*1024)
	for {
		n, err := conn.Read(buf)
		if err != nil {
			return
		}
		if _, err := conn.Write(buf[:n]); err != nil {
			return
		}
	}
}

func holdBySpinning() {
	for end := time.Now().Add(held); time.Now().Before(end); {
	}
}

func holdBySleeping() {
	ts := syscall.NsecToTimespec(held.Nanoseconds())
	syscall.Nanosleep(&ts, nil)
}

func hog(hold func()) {
	for {
		hold()
		time.Sleep(free)
	}
}

// startHogs takes nothing, or "spin" or "sleep" and a number.
func startHogs(args []string) error {
	if len(args) == 0 {
		return nil
	}
	hold, ok := map[string]func(){"spin": holdBySpinning, "sleep": holdBySleeping}[args[0]]
	if !ok || len(args) != 2 {
		return fmt.Errorf("usage: go-bench echo_server WORKERS [spin|sleep HOGS]")
	}
	count, err := strconv.Atoi(args[1])
	for i := 0; i < count; i++ {
		go hog(hold)
	}
	return err
}

// runEchoServer prints the port and serves until the process is killed.
func runEchoServer(hogs []string) error {
	if err := startHogs(hogs); err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	for {
		conn, err := listener.Accept()
		if err != nil {
			return err
		}
		go serve(conn)
	}
}
