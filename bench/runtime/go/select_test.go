// SPDX-License-Identifier: MIT
package bench

import (
	"sync"
	"testing"
)

func four(capacity int) (c [4]chan int64) {
	for i := range c {
		c[i] = make(chan int64, capacity)
	}
	return
}

func BenchmarkSelectReady4(b *testing.B) {
	c := four(1)
	for i := 0; i < b.N; i++ {
		c[i&3] <- int64(i)
		select {
		case <-c[0]:
		case <-c[1]:
		case <-c[2]:
		case <-c[3]:
		}
	}
}

func BenchmarkSelectDefault4(b *testing.B) {
	c := four(1)
	for i := 0; i < b.N; i++ {
		select {
		case <-c[0]:
		case <-c[1]:
		case <-c[2]:
		case <-c[3]:
		default:
		}
	}
}

func BenchmarkSelectSync4(b *testing.B) {
	c := four(0)
	var wg sync.WaitGroup
	defer reportCPU(b)()
	wg.Add(1)
	go func() {
		for i := 0; i < b.N; i++ {
			c[i&3] <- int64(i)
		}
		wg.Done()
	}()
	for i := 0; i < b.N; i++ {
		select {
		case <-c[0]:
		case <-c[1]:
		case <-c[2]:
		case <-c[3]:
		}
	}
	wg.Wait()
}
