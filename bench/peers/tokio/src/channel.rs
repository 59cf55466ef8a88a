//! Elements through channels, waiting for the first of several, and locking.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot, Mutex};

use crate::measure::{Load, Meter, Sample};

const CROWD: usize = 16;

pub async fn uncontended(load: Load) -> Sample {
    let rounds = load.count(50_000);
    let (sender, mut receiver) = mpsc::channel::<i64>(100);
    let meter = Meter::start();
    for _ in 0..rounds {
        for _ in 0..100 {
            sender.send(0).await.unwrap();
        }
        for _ in 0..100 {
            receiver.recv().await.unwrap();
        }
    }
    meter.ns_per_op(100 * rounds)
}

pub async fn ping_pong(load: Load) -> Sample {
    let laps = load.count(1_000_000);
    let (there, mut questions) = mpsc::channel::<i64>(1);
    let (answers, mut back) = mpsc::channel::<i64>(1);
    let handle = tokio::spawn(async move {
        // One lap more than timed: the first one starts the task.
        for _ in 0..laps + 1 {
            let element = questions.recv().await.unwrap();
            answers.send(element).await.unwrap();
        }
    });
    there.send(0).await.unwrap();
    back.recv().await.unwrap();
    let meter = Meter::start();
    for _ in 0..laps {
        there.send(0).await.unwrap();
        back.recv().await.unwrap();
    }
    let sample = meter.ns_per_op(laps);
    handle.await.unwrap();
    sample
}

/// From `producers` tasks to one.
pub async fn fan_in(load: Load, producers: usize, full: usize) -> Sample {
    let each = load.count(full / producers);
    let (sender, mut receiver) = mpsc::channel::<i64>(128);
    let meter = Meter::start();
    for _ in 0..producers {
        let sender = sender.clone();
        tokio::spawn(async move {
            for i in 0..each {
                sender.send(i as i64).await.unwrap();
            }
        });
    }
    drop(sender);
    let consumer = tokio::spawn(async move { while receiver.recv().await.is_some() {} });
    consumer.await.unwrap();
    meter.ns_per_op(producers * each)
}

/// From one task to many: they share the receiving end.
pub async fn fan_out(load: Load) -> Sample {
    let count = load.count(2_400_000);
    let (sender, receiver) = mpsc::channel::<i64>(128);
    let receiver = Arc::new(Mutex::new(receiver));
    let meter = Meter::start();
    tokio::spawn(async move {
        for i in 0..count {
            sender.send(i as i64).await.unwrap();
        }
    });
    let consumers: Vec<_> = (0..CROWD)
        .map(|_| {
            let receiver = receiver.clone();
            tokio::spawn(async move {
                loop {
                    let element = receiver.lock().await.recv().await;
                    if element.is_none() {
                        break;
                    }
                }
            })
        })
        .collect();
    for consumer in consumers {
        consumer.await.unwrap();
    }
    meter.ns_per_op(count)
}

pub async fn future_one_shot(load: Load) -> Sample {
    let n = load.count(1_000_000);
    let meter = Meter::start();
    for i in 0..n {
        let (sender, future) = oneshot::channel::<i64>();
        tokio::spawn(async move { sender.send(i as i64).unwrap() });
        assert_eq!(future.await.unwrap(), i as i64);
    }
    meter.ns_per_op(n)
}

pub async fn select_uncontended(load: Load) -> Sample {
    let n = load.count(3_000_000);
    let (a_sender, mut a) = mpsc::channel::<i64>(1);
    let (b_sender, mut b) = mpsc::channel::<i64>(1);
    a_sender.send(0).await.unwrap();
    let meter = Meter::start();
    for _ in 0..n {
        tokio::select! {
            _ = a.recv() => b_sender.send(0).await.unwrap(),
            _ = b.recv() => a_sender.send(0).await.unwrap(),
        }
    }
    meter.ns_per_op(n)
}

pub async fn select_prod_cons(load: Load) -> Sample {
    let n = load.count(2_000_000);
    let (sender, mut receiver) = mpsc::channel::<i64>(128);
    let (_end_of_producer, mut producer_end) = mpsc::channel::<i64>(1);
    let (_end_of_consumer, mut consumer_end) = mpsc::channel::<i64>(1);
    let meter = Meter::start();
    let producer = tokio::spawn(async move {
        for _ in 0..n {
            tokio::select! {
                sent = sender.send(0) => sent.unwrap(),
                _ = producer_end.recv() => panic!("the end came too soon"),
            }
        }
    });
    for _ in 0..n {
        tokio::select! {
            element = receiver.recv() => { element.unwrap(); }
            _ = consumer_end.recv() => panic!("the end came too soon"),
        }
    }
    let sample = meter.ns_per_op(n);
    producer.await.unwrap();
    sample
}

pub async fn mutex_uncontended(load: Load) -> Sample {
    let n = load.count(20_000_000);
    let mutex = Mutex::new(());
    let meter = Meter::start();
    for _ in 0..n {
        drop(mutex.lock().await);
    }
    meter.ns_per_op(n)
}

pub async fn mutex_16(load: Load) -> Sample {
    let each = load.count(500_000);
    let mutex = Arc::new(Mutex::new(0));
    let meter = Meter::start();
    let handles: Vec<_> = (0..CROWD)
        .map(|_| {
            let mutex = mutex.clone();
            tokio::spawn(async move {
                for _ in 0..each {
                    *mutex.lock().await += 1;
                }
            })
        })
        .collect();
    for handle in handles {
        handle.await.unwrap();
    }
    let sample = meter.ns_per_op(CROWD * each);
    assert_eq!(*mutex.lock().await, CROWD * each);
    sample
}
