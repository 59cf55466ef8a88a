//! Callbacks for a task that owns what they work on.

use std::sync::Arc;

use tokio::sync::{mpsc, Notify};

use crate::measure::{Load, Meter, Sample};

const BATCH: usize = 100;

type Callback = Box<dyn FnOnce(&mut usize) + Send>;

pub async fn post(load: Load) -> Sample {
    let rounds = load.count(10_000);
    let (sender, mut callbacks) = mpsc::unbounded_channel::<Callback>();
    let owner = tokio::spawn(async move {
        let mut count = 0;
        while let Some(callback) = callbacks.recv().await {
            callback(&mut count);
        }
        count
    });
    let done = Arc::new(Notify::new());
    let meter = Meter::start();
    for _ in 0..rounds {
        for _ in 0..BATCH {
            let done = done.clone();
            let callback: Callback = Box::new(move |count| {
                *count += 1;
                if *count % BATCH == 0 {
                    done.notify_one();
                }
            });
            sender.send(callback).unwrap_or_else(|_| panic!("no owner"));
        }
        done.notified().await;
    }
    let sample = meter.ns_per_op(BATCH * rounds);
    drop(sender);
    assert_eq!(owner.await.unwrap(), BATCH * rounds);
    sample
}
