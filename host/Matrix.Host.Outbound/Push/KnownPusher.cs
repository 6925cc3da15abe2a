using Matrix.Host.Outbound.Queue;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Pushers;

namespace Matrix.Host.Outbound.Push;

/// <summary>A pusher that takes turns.</summary>
internal abstract class KnownPusher(PusherName pusher, PusherServices services) : QueuedSender
{
    private int _countChanged;
    private int _failures;

    /// <summary>The pusher.</summary>
    internal PusherName Pusher => pusher;

    /// <summary>Whether the count has to be sent, if it differs from the last one.</summary>
    internal bool CountChanged
    {
        get => Volatile.Read(ref _countChanged) != 0;
        set => Volatile.Write(ref _countChanged, value ? 1 : 0);
    }

    /// <summary>What the senders share.</summary>
    protected PusherServices Services => services;

    /// <summary>Milliseconds since the epoch.</summary>
    protected long Now => services.Time.GetUtcNow().ToUnixTimeMilliseconds();

    /// <inheritdoc/>
    internal sealed override async ValueTask<TurnEnd> TakeTurnAsync(CancellationToken stop)
    {
        try
        {
            if (await services.Storage.Pushers.FindAsync(Pusher.PusherId, stop).ConfigureAwait(false) is { } row)
            {
                return await SendAsync(row, stop).ConfigureAwait(false);
            }

            services.Index.Remove(Pusher.UserId, Pusher.PusherId);
            CountChanged = false;
            return TurnEnd.Idle;
        }
        catch (StorageException)
        {
            // What was sent may not be recorded: it is sent again.
            return Failed();
        }
#pragma warning disable CA1031 // Whatever failed, what is owed is not forgotten.
        catch (Exception fault) when (!stop.IsCancellationRequested)
#pragma warning restore CA1031
        {
            services.Log.Faulted(fault);
            return Failed();
        }
    }

    /// <summary>Sends what is owed first, if it is due.</summary>
    /// <param name="row">The pusher as it is stored.</param>
    /// <param name="stop">Stops what was not begun.</param>
    protected abstract ValueTask<TurnEnd> SendAsync(PusherRow row, CancellationToken stop);

    /// <summary>Something was sent.</summary>
    protected void Succeeded() => _failures = 0;

    /// <summary>The end of a turn that failed: the pause before the next one is twice the last.</summary>
    protected TurnEnd Failed()
    {
        var pause = Math.Min(
            services.Options.FirstPause.TotalMilliseconds * Math.Pow(2, Math.Min(_failures++, 30)),
            services.Options.LongestPause.TotalMilliseconds);
        return TurnEnd.Later(Now + (long)pause);
    }
}
