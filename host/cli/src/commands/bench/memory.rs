//! The resident memory of this process, and of a child process.

use std::{process::Child, thread, time::Duration};

use anyhow::{Context, Result, ensure};
use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System};

const SAMPLE_INTERVAL: Duration = Duration::from_millis(5);

/// Returns the resident memory of this process in MB.
pub(super) fn own_mb() -> Result<f64> {
    resident_mb(&mut System::new(), std::process::id()).context("the system does not report the memory of this process")
}

/// Waits until a process has ended successfully, and returns its peak resident memory in MB.
pub(super) fn peak_mb(mut child: Child) -> Result<f64> {
    let (mut system, mut peak) = (System::new(), None);
    let status = loop {
        peak = peak.max(resident_mb(&mut system, child.id()).map(|mb| mb.ceil() as u64));
        match child.try_wait()? {
            Some(status) => break status,
            None => thread::sleep(SAMPLE_INTERVAL),
        }
    };
    ensure!(status.success(), "a process that was measured ended with {status}");
    peak.map(|mb| mb as f64).context("the system does not report the memory of a process")
}

fn resident_mb(system: &mut System, process: u32) -> Option<f64> {
    let process = Pid::from_u32(process);
    let memory = ProcessRefreshKind::nothing().with_memory();
    system.refresh_processes_specifics(ProcessesToUpdate::Some(&[process]), true, memory);
    Some(system.process(process)?.memory() as f64 / 1e6).filter(|mb| *mb > 0.0)
}
