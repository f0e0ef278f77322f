// SPDX-License-Identifier: MIT
package bench

import "testing"

func skynet(out chan int64, number, leaves int64) {
	if leaves == 1 {
		out <- number
		return
	}
	in := make(chan int64)
	part, sum := leaves/10, int64(0)
	for i := int64(0); i < 10; i++ {
		go skynet(in, number+i*part, part)
	}
	for i := 0; i < 10; i++ {
		sum += <-in
	}
	out <- sum
}

func BenchmarkSkynet1M(b *testing.B) {
	leaves := int64(1000000)
	if crowd(1000000) < 1000000 {
		leaves = 1000
	}
	out := make(chan int64)
	defer reportCPU(b)()
	for i := 0; i < b.N; i++ {
		go skynet(out, 0, leaves)
		if sum := <-out; sum != leaves*(leaves-1)/2 {
			b.Fatal("skynet's sum is wrong: ", sum)
		}
	}
}
