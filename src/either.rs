//! Whichever of two futures is done first: a deadline for an operation, a wish to stop for a wait.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

/// Which was first, with its outcome.
pub(crate) enum Either<L, R> {
    /// The first of the two.
    Left(L),
    /// The second.
    Right(R),
}

/// Waits for one of both; drops the other. The left one wins when both are ready.
pub(crate) async fn first<L, R>(
    left: impl Future<Output = L>,
    right: impl Future<Output = R>,
) -> Either<L, R> {
    let mut left = pin!(left);
    let mut right = pin!(right);
    poll_fn(|context| {
        if let Poll::Ready(outcome) = left.as_mut().poll(context) {
            return Poll::Ready(Either::Left(outcome));
        }
        right.as_mut().poll(context).map(Either::Right)
    })
    .await
}
