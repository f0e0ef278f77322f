// SPDX-License-Identifier: MIT
package bench

import (
	"sync"
	"testing"
)

func BenchmarkSpawnJoin(b *testing.B) {
	var wg sync.WaitGroup
	for i := 0; i < b.N; i++ {
		wg.Add(1)
		go wg.Done()
		wg.Wait()
	}
}

// Starts size goroutines and waits for the end of all.
func storm(size int, f func(wg *sync.WaitGroup)) {
	var wg sync.WaitGroup
	wg.Add(size)
	for k := 0; k < size; k++ {
		go f(&wg)
	}
	wg.Wait()
}

// The first storm isn't measured.
func storms(b *testing.B, f func(wg *sync.WaitGroup)) {
	size := crowd(100000)
	storm(size, f)
	defer reportCPU(b)()
	b.ResetTimer()
	for i := 0; i < b.N; i++ {
		storm(size, f)
	}
}

func BenchmarkSpawn100k(b *testing.B) { storms(b, (*sync.WaitGroup).Done) }

// What x/sync's errgroup does, without the module.
func BenchmarkErrgroupLimit100(b *testing.B) {
	var wg sync.WaitGroup
	var once sync.Once
	var first error
	places := make(chan struct{}, 100)
	nothing := func() error { return nil }
	start := func(f func() error) {
		places <- struct{}{}
		wg.Add(1)
		go func() {
			defer func() {
				<-places
				wg.Done()
			}()
			if err := f(); err != nil {
				once.Do(func() { first = err })
			}
		}()
	}
	for i := 0; i < b.N; i++ {
		start(nothing)
	}
	wg.Wait()
	if first != nil {
		b.Fatal(first)
	}
}
