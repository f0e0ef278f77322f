// SPDX-License-Identifier: MIT
package bench

import (
	"sync"
	"testing"
)

func BenchmarkChanPingPong(b *testing.B) {
	x, y := make(chan int64), make(chan int64)
	var wg sync.WaitGroup
	defer reportCPU(b)()
	wg.Add(1)
	go func() {
		for v := range x {
			y <- v
		}
		wg.Done()
	}()
	for i := 0; i < b.N; i++ {
		x <- int64(i)
		<-y
	}
	close(x)
	wg.Wait()
}

func stream(b *testing.B, producers, consumers, capacity int) {
	c := make(chan int64, capacity)
	var sent, received sync.WaitGroup
	defer reportCPU(b)()
	sent.Add(producers)
	received.Add(consumers)
	for p := 0; p < producers; p++ {
		n := share(b.N, p, producers)
		go func() {
			for i := 0; i < n; i++ {
				c <- int64(i)
			}
			sent.Done()
		}()
	}
	for k := 0; k < consumers; k++ {
		go func() {
			for range c {
			}
			received.Done()
		}()
	}
	sent.Wait()
	close(c)
	received.Wait()
}

func BenchmarkChanUnbuffered(b *testing.B)   { stream(b, 1, 1, 0) }
func BenchmarkChanBuffered1to1(b *testing.B) { stream(b, 1, 1, 128) }
func BenchmarkChanBuffered2to2(b *testing.B) { stream(b, 2, 2, 128) }
func BenchmarkChanBuffered8to1(b *testing.B) { stream(b, 8, 1, 128) }

func BenchmarkChanAlone(b *testing.B) {
	c := make(chan int64, 1)
	for i := 0; i < b.N; i++ {
		c <- int64(i)
		<-c
	}
}
