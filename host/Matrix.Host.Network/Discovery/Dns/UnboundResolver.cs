namespace Matrix.Host.Network.Discovery.Dns;

/// <summary>
/// Asks the name servers through the system's libunbound, which caches, follows aliases, and falls back to TCP.
/// No pool thread waits. See docs/decisions/0029-libunbound.md.
/// </summary>
public sealed class UnboundResolver(NetworkOptions options) : IDnsResolver, IDisposable
{
    private readonly Lock _gate = new();
    private readonly SemaphoreSlim _slots = new(options.MaxLookups, options.MaxLookups);
    private UnboundContext? _context;
    private bool _disposed;

    /// <inheritdoc/>
    public async ValueTask<DnsAnswer> AskAsync(string name, DnsType type, CancellationToken stop)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(stop);
        limit.CancelAfter(options.LookupTime);
        try
        {
            await _slots.WaitAsync(limit.Token);
        }
        catch (OperationCanceledException) when (!stop.IsCancellationRequested)
        {
            return DnsAnswer.Failed("too many lookups");
        }

        try
        {
            var lookup = Context().Start(name, type);
            await using var cancelling = limit.Token.UnsafeRegister(
                state => ((UnboundContext.Lookup)state!).Cancel(), lookup);
            return await lookup.Answer;
        }
        catch (OperationCanceledException) when (!stop.IsCancellationRequested)
        {
            return DnsAnswer.Failed("the name servers did not answer in time");
        }
        finally
        {
            _slots.Release();
        }
    }

    /// <summary>The context, made at the first lookup.</summary>
    private UnboundContext Context()
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            return _context ??= new UnboundContext(options);
        }
    }

    /// <summary>Ends the threads of libunbound. Lookups that are not answered fail.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            if (_disposed) return;
            _disposed = true;
            _context?.Dispose();
        }
    }
}
