// SPDX-License-Identifier: MIT
//
// The Go twins of bench/runtime/*.c, name by name: go test -bench . bench/runtime/go/bench_test.go
package bench

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"
	"time"
)

func pingPong(b *testing.B, capacity int) {
	x, y := make(chan int64, capacity), make(chan int64, capacity)
	var wg sync.WaitGroup
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

func BenchmarkChanPingPong(b *testing.B)         { pingPong(b, 0) }
func BenchmarkChanPingPongBuffered(b *testing.B) { pingPong(b, 1) }

func stream(b *testing.B, producers, capacity int) {
	c := make(chan int64, capacity)
	var wg sync.WaitGroup
	each := b.N/producers + 1
	wg.Add(producers)
	for p := 0; p < producers; p++ {
		go func() {
			for i := 0; i < each; i++ {
				c <- int64(i)
			}
			wg.Done()
		}()
	}
	for i := 0; i < each*producers; i++ {
		<-c
	}
	wg.Wait()
}

func BenchmarkChanSync(b *testing.B)              { stream(b, 1, 0) }
func BenchmarkChanBuffered100(b *testing.B)       { stream(b, 1, 100) }
func BenchmarkChanFanIn8Buffered100(b *testing.B) { stream(b, 8, 100) }

func BenchmarkChanUncontended(b *testing.B) {
	c := make(chan int64, 1)
	for i := 0; i < b.N; i++ {
		c <- int64(i)
		<-c
	}
}

func BenchmarkChanTryRecvEmpty(b *testing.B) {
	c := make(chan int64, 1)
	for i := 0; i < b.N; i++ {
		select {
		case <-c:
		default:
		}
	}
}

var sink chan int64

func BenchmarkChanMakeFree(b *testing.B) {
	for i := 0; i < b.N; i++ {
		sink = make(chan int64, 8)
	}
}

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

func BenchmarkMutexUncontended(b *testing.B) {
	var m sync.Mutex
	for i := 0; i < b.N; i++ {
		m.Lock()
		m.Unlock()
	}
}

func BenchmarkMutexContended8(b *testing.B) {
	var m sync.Mutex
	var wg sync.WaitGroup
	sum := 0
	wg.Add(8)
	for g := 0; g < 8; g++ {
		go func() {
			for i := 0; i < b.N/8+1; i++ {
				m.Lock()
				sum++
				m.Unlock()
			}
			wg.Done()
		}()
	}
	wg.Wait()
}

func BenchmarkRWMutexReadUncontended(b *testing.B) {
	var m sync.RWMutex
	for i := 0; i < b.N; i++ {
		m.RLock()
		m.RUnlock()
	}
}

func BenchmarkSpawnJoin(b *testing.B) {
	var wg sync.WaitGroup
	for i := 0; i < b.N; i++ {
		wg.Add(1)
		go wg.Done()
		wg.Wait()
	}
}

func BenchmarkSpawnJoin1000(b *testing.B) {
	var wg sync.WaitGroup
	for i := 0; i < b.N; i += 1000 {
		some := min(b.N-i, 1000)
		wg.Add(some)
		for k := 0; k < some; k++ {
			go wg.Done()
		}
		wg.Wait()
	}
}

// What x/sync's errgroup does, without the module.
func BenchmarkErrgroupGoLimit100(b *testing.B) {
	var wg sync.WaitGroup
	places := make(chan struct{}, 100)
	for i := 0; i < b.N; i++ {
		places <- struct{}{}
		wg.Add(1)
		go func() {
			<-places
			wg.Done()
		}()
	}
	wg.Wait()
}

func yield(b *testing.B, goroutines int) {
	var wg sync.WaitGroup
	wg.Add(goroutines)
	for g := 0; g < goroutines; g++ {
		go func() {
			for i := 0; i < b.N/goroutines+1; i++ {
				runtime.Gosched()
			}
			wg.Done()
		}()
	}
	wg.Wait()
}

func BenchmarkYield2(b *testing.B)    { yield(b, 2) }
func BenchmarkYield1000(b *testing.B) { yield(b, 1000) }

func BenchmarkTimerSetStop(b *testing.B) {
	t := time.NewTimer(time.Hour)
	for i := 0; i < b.N; i++ {
		t.Reset(time.Hour)
		t.Stop()
	}
}

func BenchmarkTimeAfterDropped(b *testing.B) {
	for i := 0; i < b.N; i++ {
		time.NewTimer(time.Hour).Stop()
	}
}

func BenchmarkContextWithCancel(b *testing.B) {
	parent, cancel := context.WithCancel(context.Background())
	defer cancel()
	for i := 0; i < b.N; i++ {
		_, stop := context.WithCancel(parent)
		stop()
	}
}

func BenchmarkContextWithDeadline(b *testing.B) {
	parent, cancel := context.WithCancelCause(context.Background())
	defer cancel(errors.New("end"))
	when := time.Now().Add(time.Hour)
	for i := 0; i < b.N; i++ {
		_, stop := context.WithDeadline(parent, when)
		stop()
	}
}

func BenchmarkContextAfterStop(b *testing.B) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	for i := 0; i < b.N; i++ {
		context.AfterFunc(ctx, func() {})()
	}
}

func BenchmarkSleep1ns(b *testing.B) {
	for i := 0; i < b.N; i++ {
		time.Sleep(1)
	}
}
