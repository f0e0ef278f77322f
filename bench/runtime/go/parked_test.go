// SPDX-License-Identifier: MIT
package bench

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

func memory(b *testing.B) (sum int) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		b.Fatal(err)
	}
	for _, line := range strings.Split(string(status), "\n") {
		var kib int
		if _, err := fmt.Sscanf(line, "VmRSS: %d", &kib); err == nil {
			sum += kib
		} else if _, err := fmt.Sscanf(line, "VmPTE: %d", &kib); err == nil {
			sum += kib
		}
	}
	return sum * 1024
}

func gather(b *testing.B, size int) {
	var started, ended sync.WaitGroup
	gate := make(chan struct{})
	waitAtGate := func() {
		started.Done()
		<-gate
		ended.Done()
	}
	before, start := memory(b), time.Now()
	started.Add(size)
	ended.Add(size)
	for k := 0; k < size; k++ {
		go waitAtGate()
	}
	started.Wait()
	spawn := time.Since(start)
	after, open := memory(b), time.Now()
	close(gate)
	ended.Wait()
	wake := time.Since(open)
	b.ReportMetric(float64(spawn.Nanoseconds())/float64(size), "spawn-ns")
	b.ReportMetric(float64(wake.Nanoseconds())/float64(size), "wake-ns")
	b.ReportMetric(float64(after-before)/float64(size), "B/goroutine")
	b.ReportMetric(0, "ns/op")
}

func BenchmarkParked1M(b *testing.B) {
	if b.N == 1 {
		gather(b, crowd(1000000))
	}
}
