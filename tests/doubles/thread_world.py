"""Two threads in the place of two processes: the messages of ``torch.distributed`` that the training loop sends.

A thread's rank is its own; every message waits for all threads, and between messages one thread runs at a time: random
numbers belong to the process in torch, so what a thread draws from its own seed must not fall into another one's.
"""

import threading
from concurrent.futures import ThreadPoolExecutor

import torch

TIMEOUT_S = 60
"""A message that not every thread sends is an error and not a hang."""


class ThreadWorld:
    """What ``tagalign.train.loop.distributed`` calls ``dist``."""

    ReduceOp = torch.distributed.ReduceOp

    def __init__(self, size):
        self.size, self.values = size, [None] * size
        self.own, self.gate = threading.local(), threading.Barrier(size, timeout=TIMEOUT_S)
        self.turn = threading.Lock()

    def run(self, task):
        """``task(rank)`` in every thread; the answers by rank."""

        def one(rank):
            self.own.rank = rank
            with self.turn:
                try:
                    return task(rank)
                except BaseException:
                    self.gate.abort()  # the others wait for nobody
                    raise

        with ThreadPoolExecutor(self.size) as pool:
            found = [pool.submit(one, rank) for rank in range(self.size)]
        errors = [e for e in (one.exception() for one in found) if e is not None]
        if errors:  # a broken gate is what the first error looks like from beside
            raise next((e for e in errors if not isinstance(e, threading.BrokenBarrierError)), errors[0])
        return [one.result() for one in found]

    def _exchange(self, value):
        self.values[self.own.rank] = value
        self.turn.release()
        try:
            self.gate.wait()
            found = list(self.values)
            self.gate.wait()  # nobody writes the next value before all have read this one
        finally:
            self.turn.acquire()
        return found

    def barrier(self):
        self._exchange(None)

    def all_reduce(self, tensor, op=None):
        parts = torch.stack(self._exchange(tensor.detach().clone()))
        tensor.copy_(parts.amax(dim=0) if op == self.ReduceOp.MAX else parts.sum(dim=0))

    def all_gather(self, parts, tensor):
        for part, value in zip(parts, self._exchange(tensor.detach().clone()), strict=True):
            part.copy_(value)

    def all_gather_object(self, values, value):
        values[:] = self._exchange(value)

    def broadcast(self, tensor, src):
        tensor.copy_(self._exchange(tensor.detach().clone())[src])
