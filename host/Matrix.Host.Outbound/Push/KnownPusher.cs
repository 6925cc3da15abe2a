using Matrix.Host.Outbound.Queue;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Pushers;

namespace Matrix.Host.Outbound.Push;

/// <summary>A pusher that takes turns.</summary>
internal abstract class KnownPusher(PusherName pusher, PusherServices services) : QueuedSender
{
    private int _countChanged;

    /// <summary>The pusher.</summary>
    internal PusherName Pusher => pusher;

    /// <summary>What all senders of pushers share.</summary>
    protected PusherServices Services => services;

    /// <summary>Cancelled when a request that was begun must end: the server stops, or the user goes to another node.
    /// </summary>
    protected CancellationToken Ends { get; private set; }

    /// <summary>The gateway at which it has a place; <see cref="GatewayShares"/> guards it and the next one.</summary>
    internal string? Gateway { get; set; }

    /// <summary>Whether it stands in line for a place.</summary>
    internal bool IsInLine { get; set; }

    /// <summary>Events that came since what it owes was trimmed; <see cref="PushSenders"/> guards it.</summary>
    internal int PendingSinceTrim { get; set; }

    /// <summary>Whether its receiver has got a count from this process.</summary>
    internal virtual bool HasSentCount => false;

    /// <summary>Whether the count has to be sent, if it differs from the last one.</summary>
    internal bool CountChanged
    {
        get => Volatile.Read(ref _countChanged) != 0;
        set => Volatile.Write(ref _countChanged, value ? 1 : 0);
    }

    /// <inheritdoc/>
    internal sealed override async ValueTask<AttemptResult> AttemptAsync(CancellationToken stop)
    {
        if (!services.Gates.TryEnter(Authority.User(pusher.UserId), out var visit))
        {
            NotHere();
            return AttemptResult.Idle;
        }

        using (visit)
        {
            Ends = services.Ends;
            if (!visit.Closing.CanBeCanceled) return await SendNextAsync(stop);
            using var ends = CancellationTokenSource.CreateLinkedTokenSource(services.Ends);
            await using var closing = visit.Closing.Register(() => ends.CancelAfter(services.Options.StopTime));
            using var here = CancellationTokenSource.CreateLinkedTokenSource(stop, visit.Closing);
            Ends = ends.Token;
            try
            {
                return await SendNextAsync(here.Token);
            }
            catch (OperationCanceledException) when (visit.Closing.IsCancellationRequested)
            {
                // The count may have been taken, and not sent.
                CountChanged = true;
                NotHere();
                return AttemptResult.Idle;
            }
        }
    }

    /// <summary>The user is another node's: places are given back.</summary>
    protected virtual void NotHere()
    {
    }

    /// <summary>Sends what comes next.</summary>
    /// <param name="stop">Cancelled when nothing more should begin.</param>
    protected abstract ValueTask<AttemptResult> SendNextAsync(CancellationToken stop);
}
