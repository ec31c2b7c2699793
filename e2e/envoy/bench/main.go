// Command bench measures what an external processor costs behind a real Envoy:
// CPU time per request, of Envoy and processor together, and latency, both over
// an Envoy that calls none. It holds vsr-proxy against the body-based router of
// the Gateway API inference extension, which reads "model" and sets a header.
//
// All are processes of their own on loopback. Rounds alternate among them, so
// that a machine whose speed drifts treats them alike; the figures to quote are
// the ratios of what is added. It needs Linux for the CPU time of processes.
package main

import (
	"flag"
	"fmt"
	"log"
	"os"
	"strconv"
	"strings"
	"time"
)

type options struct {
	envoy, binary, peer string
	connections         int
	rounds              int
	round               time.Duration
	sizes               []int
	only                string
}

func main() {
	var o options
	sizes := flag.String("sizes", "200,65536,1048576", "request bodies in bytes")
	flag.StringVar(&o.envoy, "envoy", ".cache/envoy-1.40.0/envoy", "Envoy")
	flag.StringVar(&o.binary, "binary", "bin/vsr-proxy", "the proxy")
	flag.StringVar(&o.peer, "peer", "", "the body-based router; empty: without it")
	flag.IntVar(&o.connections, "connections", 2, "connections kept busy")
	flag.IntVar(&o.rounds, "rounds", 5, "rounds for each way and size")
	flag.DurationVar(&o.round, "round", 2*time.Second, "length of a round")
	flag.StringVar(&o.only, "only", "", "ways to measure beside bare Envoy, by name, with commas; empty: all")
	flag.Parse()
	for text := range strings.SplitSeq(*sizes, ",") {
		n, err := strconv.Atoi(text)
		if err != nil {
			log.Fatal("bench: ", err)
		}
		o.sizes = append(o.sizes, n)
	}
	if err := measure(o); err != nil {
		log.Fatal("bench: ", err)
	}
}

func measure(o options) error {
	folder, err := os.MkdirTemp("", "vsr-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	ways, stop, err := open(o, folder)
	defer stop()
	if err != nil {
		return err
	}
	for _, size := range o.sizes {
		if err := compare(o, ways, size); err != nil {
			return fmt.Errorf("%d bytes: %w", size, err)
		}
	}
	return nil
}
