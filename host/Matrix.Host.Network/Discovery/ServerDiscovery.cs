using System.Buffers.Binary;
using System.Net;
using System.Security.Cryptography;
using Matrix.Core.Discovery;
using Matrix.Core.Facade;
using Matrix.Host.Network.Discovery.Dns;
using Matrix.Host.Network.Discovery.WellKnown;
using Matrix.Host.Network.SafeHttp;
using Matrix.Host.Storage.Caching;

namespace Matrix.Host.Network.Discovery;

/// <summary>
/// Runs the machine of the core (<see cref="ServerResolution"/>) and performs its requests. Results are cached; a name
/// is resolved once at a time, however many callers need it. v1.19 server-server-api#server-discovery
/// </summary>
public sealed class ServerDiscovery : IServerDiscovery, IDisposable
{
    private readonly NetworkOptions _options;
    private readonly IDnsResolver _resolver;
    private readonly AddressPolicy _policy;
    private readonly TimeProvider _time;
    private readonly WellKnownRequest _wellKnown;
    private readonly DiscoveryLimits _limits;
    private readonly SemaphoreSlim _fetches;
    private readonly CancellationTokenSource _stopped = new();

    private readonly Lock _gate = new();
    private readonly Dictionary<string, Task<DiscoveryResult>> _running = [];
    private readonly ByteCache<string, Resolved> _results;
    private readonly ByteCache<string, WellKnownEntry> _entries;

    /// <summary>Discovery with these parts.</summary>
    public ServerDiscovery(
        NetworkOptions options,
        IDnsResolver resolver,
        IWellKnownFetcher fetcher,
        AddressPolicy policy,
        TimeProvider time)
    {
        _options = options;
        _resolver = resolver;
        _policy = policy;
        _time = time;
        _wellKnown = new WellKnownRequest(options, fetcher, time);
        _limits = new DiscoveryLimits(options.MaxServiceRecords, options.MaxServiceTargets, options.MaxEndPoints);
        _fetches = new SemaphoreSlim(options.MaxWellKnownFetches, options.MaxWellKnownFetches);
        _results = new ByteCache<string, Resolved>(options.DiscoveryCacheBytes, SizeOf);
        _entries = new ByteCache<string, WellKnownEntry>(options.WellKnownCacheBytes, SizeOf);
    }

    /// <inheritdoc/>
    public ValueTask<DiscoveryResult> FindAsync(string serverName, CancellationToken stop)
    {
        if (!Identifiers.TryServerName(serverName, out _, out _))
        {
            return ValueTask.FromResult(
                DiscoveryResult.Failed(DiscoveryFailureKind.InvalidName, "It is not the name of a server."));
        }

        lock (_gate)
        {
            if (_results.TryGet(serverName, out var kept) && kept.ValidUntil > _time.GetUtcNow())
            {
                return ValueTask.FromResult(kept.Result);
            }

            if (!_running.TryGetValue(serverName, out var running))
            {
                if (_running.Count >= _options.MaxDiscoveries)
                {
                    return ValueTask.FromResult(DiscoveryResult.Failed(
                        DiscoveryFailureKind.Busy, "Too many server names are being resolved."));
                }

                // It goes on if this caller leaves, because others may wait for it too.
                running = Task.Run(() => RunAsync(serverName), CancellationToken.None);
                _running.Add(serverName, running);
            }

            return new ValueTask<DiscoveryResult>(running.WaitAsync(stop));
        }
    }

    private async Task<DiscoveryResult> RunAsync(string serverName)
    {
        Resolved resolved;
        try
        {
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(_stopped.Token);
            limit.CancelAfter(_options.DiscoveryTime);
            resolved = await ResolveAsync(serverName, limit.Token);
        }
        catch (OperationCanceledException)
        {
            resolved = Failed(DiscoveryFailureKind.TimedOut, $"{serverName} was not resolved in time.");
        }
        catch
        {
            lock (_gate) _running.Remove(serverName);
            throw;
        }

        lock (_gate)
        {
            _results.Put(serverName, resolved);
            _running.Remove(serverName);
        }

        return resolved.Result;
    }

    private async Task<Resolved> ResolveAsync(string serverName, CancellationToken stop)
    {
        var machine = ServerResolution.Of(RandomNumber(), _limits);
        var now = _time.GetUtcNow();
        var validUntil = now + _options.AddressMaximumTime;
        var output = machine.Receive([Input.NewResolve(serverName)]);
        while (output.Destination is null && output.Fault is null)
        {
            var responses = await Task.WhenAll(output.Requests.Select(request => PerformAsync(request, stop)));
            foreach (var response in responses.Where(response => response.ValidUntil < validUntil))
            {
                validUntil = response.ValidUntil;
            }

            output = machine.Receive(Array.ConvertAll(
                responses, response => Input.NewResponded(response.Request, response.Response)));
        }

        return output.Destination is { } destination
            ? Checked(serverName, destination, Later(validUntil, now + _options.AddressMinimumTime))
            : Failed(KindOf(output.Fault!), $"{output.Fault}.");
    }

    /// <summary>The destination with the addresses that may be reached.</summary>
    private Resolved Checked(string serverName, Destination destination, DateTimeOffset validUntil)
    {
        var endPoints = new List<IPEndPoint>();
        foreach (var endPoint in destination.EndPoints)
        {
            if (IPAddress.TryParse(endPoint.Address, out var known) && _policy.Allows(known))
            {
                endPoints.Add(new IPEndPoint(known, endPoint.Port));
            }
        }

        if (endPoints.Count == 0)
        {
            return Failed(
                DiscoveryFailureKind.AddressRefused, $"{serverName} has only addresses that may not be reached.");
        }

        var address = new ServerAddress(
            endPoints, destination.HostHeader, destination.CertificateName, destination.CertificateIsForAddress);
        return new Resolved(DiscoveryResult.Found(address), validUntil);
    }

    private Resolved Failed(DiscoveryFailureKind kind, string reason) =>
        new(DiscoveryResult.Failed(kind, reason), _time.GetUtcNow() + _options.DiscoveryFailureTime);

    private static DiscoveryFailureKind KindOf(DiscoveryFault fault) => fault switch
    {
        DiscoveryFault.InvalidName => DiscoveryFailureKind.InvalidName,
        DiscoveryFault.NoService or DiscoveryFault.TargetIsAlias => DiscoveryFailureKind.NoService,
        DiscoveryFault.LookupFailed => DiscoveryFailureKind.LookupFailed,
        _ => DiscoveryFailureKind.NotFound,
    };

    private Task<Performed> PerformAsync(Request request, CancellationToken stop) => request switch
    {
        Request.WellKnown wellKnown => DelegationAsync(request, wellKnown.Host, stop),
        Request.Services services => ServicesAsync(request, services.Name, stop),
        Request.Addresses addresses => AddressesAsync(request, addresses.Name, stop),
        _ => throw new InvalidOperationException("An unknown request."),
    };

    private async Task<Performed> DelegationAsync(Request request, string host, CancellationToken stop)
    {
        if (!_entries.TryGet(host, out var entry) || ValidUntil(entry) <= _time.GetUtcNow())
        {
            await _fetches.WaitAsync(stop);
            try
            {
                entry = await _wellKnown.SendAsync(host, entry, stop);
            }
            finally
            {
                _fetches.Release();
            }

            _entries.Put(host, entry);
        }

        return new Performed(request, entry.Response, ValidUntil(entry));
    }

    private async Task<Performed> ServicesAsync(Request request, string name, CancellationToken stop)
    {
        var answer = await _resolver.AskAsync(name, DnsType.Srv, stop);
        return new Performed(
            request,
            answer.Failure is { } failure ? Response.NewFailed(failure) : Response.NewServices([.. answer.Services]),
            KeptUntil(answer, answer.Services.Count > 0));
    }

    private async Task<Performed> AddressesAsync(Request request, string name, CancellationToken stop)
    {
        var answer = await _resolver.AddressesAsync(name, stop);
        return new Performed(
            request,
            answer.Failure is { } failure
                ? Response.NewFailed(failure)
                : Response.NewAddresses([.. answer.Addresses.Select(address => address.ToString())], answer.IsAlias),
            KeptUntil(answer, answer.Addresses.Count > 0));
    }

    private DateTimeOffset KeptUntil(DnsAnswer answer, bool hasRecords) =>
        _time.GetUtcNow() + (hasRecords || answer.TimeToLive < _options.NegativeMaximumTime
            ? answer.TimeToLive
            : _options.NegativeMaximumTime);

    private static DateTimeOffset ValidUntil(WellKnownEntry entry) =>
        DateTimeOffset.FromUnixTimeMilliseconds(entry.ValidUntil);

    private static DateTimeOffset Later(DateTimeOffset one, DateTimeOffset other) => one > other ? one : other;

    private static ulong RandomNumber()
    {
        Span<byte> bytes = stackalloc byte[sizeof(ulong)];
        RandomNumberGenerator.Fill(bytes);
        return BinaryPrimitives.ReadUInt64LittleEndian(bytes);
    }

    /// <summary>Estimated bytes of a result and its key.</summary>
    private static long SizeOf(Resolved resolved) => resolved.Result.Address is { } address
        ? 300 + (80 * address.EndPoints.Count) + (4 * address.HostHeader.Length)
        : 300 + (2 * resolved.Result.Failure!.Length);

    private static long SizeOf(WellKnownEntry entry) => 300 + (2 * (entry.Server?.Length ?? 200));

    /// <summary>Ends the resolutions that run.</summary>
    public void Dispose()
    {
        _stopped.Cancel();
        _stopped.Dispose();
    }

    private sealed record Resolved(DiscoveryResult Result, DateTimeOffset ValidUntil);

    private readonly record struct Performed(Request Request, Response Response, DateTimeOffset ValidUntil);
}
