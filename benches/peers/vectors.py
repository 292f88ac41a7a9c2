#!/usr/bin/env python3
"""Measures other libraries on the rows written by `cargo bench --bench vectors`: vectors.py FOLDER SYSTEM...

Systems: faiss-flat, hnswlib, usearch-f32, usearch-i8, usearch-exact. Each runs in a separate process, with single
queries from one thread; where a second thread can speed up a single query (exact scans), both are timed. Neighbours are the
ten largest dot products of unit vectors. The output is one JSON object per line. Versions are pinned in requirements.txt.
"""

import json
import os
import subprocess
import sys
import time

DIMENSION, K = 512, 10
LINKS, BUILD_WIDTH = 16, 200
WIDTHS = [12, 16, 24, 32, 48, 64, 96, 128, 192, 256]


def memory():
    with open("/proc/self/status", encoding="utf-8") as status:
        for line in status:
            if line.startswith("RssAnon"):
                return int(line.split()[1]) // 1024
    return 0


def report(system, what, rows, **figures):
    line = {"system": system, "what": what, "rows": rows, "figures": figures,
            "memory_mib": memory(), "load": os.getloadavg()[0]}
    print(json.dumps(line), flush=True)


def spread(times):
    times = sorted(times)
    at = lambda share: round(times[int((len(times) - 1) * share)] * 1e6)
    return {"least_us": at(0), "p50_us": at(0.5), "p99_us": at(0.99)}


def timed(queries, search):
    for query in queries[:20]:
        search(query)
    times, found = [], []
    for query in queries:
        start = time.perf_counter()
        answer = search(query)
        times.append(time.perf_counter() - start)
        found.append(answer)
    return found, spread(times)


def recall(found, right):
    same = sum(len(set(map(int, a)) & set(map(int, b))) for a, b in zip(found, right))
    return same / (K * len(right))


def truth(folder):
    import numpy
    path = os.path.join(folder, "truth.u32")
    if not os.path.exists(path):
        sys.exit("run faiss-flat first: it writes the exact neighbours")
    return numpy.fromfile(path, dtype="<u4").reshape(-1, K)


def faiss_flat(folder, base, queries):
    import faiss
    import numpy
    index = faiss.IndexFlatIP(DIMENSION)
    for start in range(0, len(base), 65536):
        index.add(numpy.ascontiguousarray(base[start:start + 65536]))
    for threads in (1, 2):
        faiss.omp_set_num_threads(threads)
        found, times = timed(queries, lambda q: index.search(q[None], K)[1][0])
        report("faiss-flat", "exact", len(base), threads=threads, times=times)
    numpy.array(found, dtype="<u4").tofile(os.path.join(folder, "truth.u32"))
    ours = os.path.join(folder, "rounds.u32")
    if os.path.exists(ours):
        right = recall(numpy.fromfile(ours, dtype="<u4").reshape(-1, K), found)
        report("rounds", "f16 rows, share of the f32 answer", len(base), recall=right)


def hnsw_sweep(system, folder, base, queries, widen, search):
    right = truth(folder)
    for width in WIDTHS:
        widen(width)
        found, times = timed(queries, search)
        report(system, "graph search", len(base), width=width, recall=recall(found, right), times=times)


class Build:
    """Wall-clock and CPU time in seconds. Other programs hardly affect CPU time."""

    def __init__(self):
        self.clock, self.processor = time.perf_counter(), time.process_time()

    def clock_so_far(self):
        return time.perf_counter() - self.clock

    def figures(self):
        return {"seconds": self.clock_so_far(), "processor_seconds": time.process_time() - self.processor}


def hnswlib_graph(folder, base, queries):
    import hnswlib
    path = os.path.join(folder, "hnswlib.bin")
    index = hnswlib.Index(space="ip", dim=DIMENSION)
    if not os.path.exists(path):
        threads = int(os.environ.get("BUILD_THREADS", "1"))
        build = Build()
        index.init_index(max_elements=len(base), M=LINKS, ef_construction=BUILD_WIDTH)
        for at in range(0, len(base), 16384):
            index.add_items(base[at:at + 16384], num_threads=threads)
        report("hnswlib", "graph build", len(base), threads=threads, **build.figures())
        index.save_index(path)
        index = hnswlib.Index(space="ip", dim=DIMENSION)
    start = time.perf_counter()
    index.load_index(path, max_elements=len(base))
    report("hnswlib", "graph read", len(base), seconds=time.perf_counter() - start)
    index.set_num_threads(1)
    hnsw_sweep("hnswlib", folder, base, queries, index.set_ef,
               lambda q: index.knn_query(q, k=K, num_threads=1)[0][0])


def usearch_graph(folder, base, queries, dtype):
    import numpy
    from usearch.index import Index
    system = f"usearch-{dtype}"
    path = os.path.join(folder, f"{system}.bin")
    make = lambda: Index(ndim=DIMENSION, metric="ip" if dtype == "f32" else "cos", dtype=dtype,
                         connectivity=LINKS, expansion_add=BUILD_WIDTH)
    if not os.path.exists(path):
        index = make()
        threads = int(os.environ.get("BUILD_THREADS", "1"))
        build = Build()
        for at in range(0, len(base), 16384):
            part = numpy.ascontiguousarray(base[at:at + 16384])
            index.add(numpy.arange(at, at + len(part)), part, threads=threads)
            print(f"{system}: {at + len(part)} rows, {build.clock_so_far():.0f} s", file=sys.stderr, flush=True)
        report(system, "graph build", len(base), threads=threads, **build.figures())
        index.save(path)
    index = make()
    start = time.perf_counter()
    index.load(path)
    report(system, "graph read", len(base), seconds=time.perf_counter() - start)

    def widen(width):
        index.expansion_search = width
    hnsw_sweep(system, folder, base, queries, widen, lambda q: index.search(q, K, threads=1).keys)


def usearch_exact(folder, base, queries):
    from usearch.index import MetricKind, search
    base = base[:]
    for threads in (1, 2):
        found, times = timed(queries[:50], lambda q: search(
            base, q[None], K, MetricKind.IP, exact=True, threads=threads).keys.reshape(-1))
        report("usearch-exact", "exact", len(base), threads=threads,
               recall=recall(found, truth(folder)[:50]), times=times)


SYSTEMS = {
    "faiss-flat": faiss_flat,
    "hnswlib": hnswlib_graph,
    "usearch-f32": lambda *given: usearch_graph(*given, "f32"),
    "usearch-i8": lambda *given: usearch_graph(*given, "i8"),
    "usearch-exact": usearch_exact,
}


def main():
    folder, *systems = sys.argv[1:]
    if len(systems) > 1:
        for system in systems:
            subprocess.run([sys.executable, __file__, folder, system], check=True)
        return
    import numpy
    base = numpy.memmap(os.path.join(folder, "base.f32"), dtype="<f4", mode="r").reshape(-1, DIMENSION)
    queries = numpy.fromfile(os.path.join(folder, "queries.f32"), dtype="<f4").reshape(-1, DIMENSION)
    SYSTEMS[systems[0]](folder, base, queries)


if __name__ == "__main__":
    main()
