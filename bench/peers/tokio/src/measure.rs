//! What every scenario measures with: wall time, CPU time, resident memory.

use std::time::{Duration, Instant};

/// How much work one pass does.
#[derive(Clone, Copy)]
pub struct Load {
    pub workers: usize,
    pub scale: f64,
}

impl Load {
    /// `full` iterations at scale 1, at least one at any scale.
    pub fn count(&self, full: usize) -> usize {
        ((full as f64 * self.scale) as usize).max(1)
    }
}

/// The result of one pass, ready to be printed.
pub struct Sample {
    pub unit: &'static str,
    pub value: f64,
    pub cpu_ns_per_op: f64,
    pub extra: Vec<(&'static str, f64)>,
}

impl Sample {
    pub fn with(mut self, name: &'static str, value: f64) -> Self {
        self.extra.push((name, value));
        self
    }
}

/// Runs from `start()` to one of the functions that consume it.
pub struct Meter {
    wall: Instant,
    cpu: Duration,
}

impl Meter {
    pub fn start() -> Self {
        let cpu = cpu_time();
        Meter {
            wall: Instant::now(),
            cpu,
        }
    }

    pub fn ns_per_op(self, ops: usize) -> Sample {
        let value = self.wall.elapsed().as_nanos() as f64 / ops as f64;
        self.sample("ns/op", value, ops)
    }

    pub fn millis(self, ops: usize) -> Sample {
        let value = self.wall.elapsed().as_secs_f64() * 1e3;
        self.sample("ms", value, ops)
    }

    /// For scenarios whose figure is not the elapsed time.
    pub fn sample(self, unit: &'static str, value: f64, ops: usize) -> Sample {
        Sample {
            unit,
            value,
            cpu_ns_per_op: (cpu_time() - self.cpu).as_nanos() as f64 / ops as f64,
            extra: Vec::new(),
        }
    }
}

fn cpu_time() -> Duration {
    // SAFETY: an all-zero rusage is a valid value, and getrusage only writes to it.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_SELF, &mut usage);
        usage
    };
    let time = |t: libc::timeval| Duration::new(t.tv_sec as u64, t.tv_usec as u32 * 1000);
    time(usage.ru_utime) + time(usage.ru_stime)
}

/// Bytes of memory in use by this process.
#[derive(Clone, Copy)]
pub struct Memory {
    /// Exactly: the counters in statm are batched per CPU.
    pub resident: f64,
    pub page_tables: f64,
}

impl Memory {
    pub fn now() -> Self {
        Memory {
            resident: proc_bytes("/proc/self/smaps_rollup", "Rss:"),
            page_tables: proc_bytes("/proc/self/status", "VmPTE:"),
        }
    }
}

fn proc_bytes(path: &str, key: &str) -> f64 {
    let text = std::fs::read_to_string(path).unwrap();
    let line = text.lines().find(|line| line.starts_with(key)).unwrap();
    let kib: f64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kib * 1024.0
}

/// Keeps the CPU busy.
pub fn spin(duration: Duration) {
    let end = Instant::now() + duration;
    while Instant::now() < end {}
}
