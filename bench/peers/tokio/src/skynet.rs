//! A tree of tasks, ten children each, that add up their leaves' numbers.

use std::future::Future;
use std::pin::Pin;

use crate::measure::{Load, Meter, Sample};

type Node = Pin<Box<dyn Future<Output = u64> + Send>>;

fn node(first: u64, leaves: u64) -> Node {
    Box::pin(async move {
        if leaves == 1 {
            return first;
        }
        let share = leaves / 10;
        let mut children = Vec::with_capacity(10);
        for i in 0..10 {
            children.push(tokio::spawn(node(first + i * share, share)));
        }
        let mut sum = 0;
        for child in children {
            sum += child.await.unwrap();
        }
        sum
    })
}

pub async fn skynet(load: Load) -> Sample {
    let mut leaves = 10;
    while leaves * 10 <= load.count(1_000_000) as u64 {
        leaves *= 10;
    }
    let meter = Meter::start();
    let sum = tokio::spawn(node(0, leaves)).await.unwrap();
    let sample = meter.millis(leaves as usize);
    assert_eq!(sum, leaves * (leaves - 1) / 2);
    sample
}
