// SPDX-License-Identifier: MIT
package bench

import (
	"io"
	"net"
	"sync"
	"testing"
)

const (
	message = 64
	buffer  = 512
)

func readMessage(c net.Conn, buf []byte) error {
	for have := 0; have < message; {
		n, err := c.Read(buf[have:])
		if err != nil {
			return err
		}
		have += n
	}
	return nil
}

func serve(c net.Conn, wg *sync.WaitGroup) {
	buf := make([]byte, buffer)
	for readMessage(c, buf) != io.EOF {
		if _, err := c.Write(buf[:message]); err != nil {
			panic(err)
		}
	}
	c.Close()
	wg.Done()
}

func ask(c net.Conn, n int, wg *sync.WaitGroup) {
	buf := make([]byte, buffer)
	for i := 0; i < n; i++ {
		if _, err := c.Write(buf[:message]); err != nil {
			panic(err)
		}
		if err := readMessage(c, buf); err != nil {
			panic(err)
		}
	}
	wg.Done()
}

func connectAll(b *testing.B, conns int, served *sync.WaitGroup) []net.Conn {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	client := make([]net.Conn, conns)
	for i := range client {
		if client[i], err = net.Dial("tcp", l.Addr().String()); err != nil {
			b.Fatal(err)
		}
		server, err := l.Accept()
		if err != nil {
			b.Fatal(err)
		}
		go serve(server, served)
	}
	return client
}

func echo(b *testing.B, conns int) {
	var asked, served sync.WaitGroup
	asked.Add(conns)
	served.Add(conns)
	client := connectAll(b, conns, &served)
	report := reportCPU(b)
	b.ResetTimer()
	for i, c := range client {
		go ask(c, share(b.N, i, conns), &asked)
	}
	asked.Wait()
	b.StopTimer()
	report()
	for _, c := range client {
		c.Close()
	}
	served.Wait()
}

func BenchmarkEcho1(b *testing.B)    { echo(b, 1) }
func BenchmarkEcho64(b *testing.B)   { echo(b, 64) }
func BenchmarkEcho1000(b *testing.B) { echo(b, crowd(1000)) }
