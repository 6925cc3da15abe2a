using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Matrix.Host.Network.Discovery.Dns;

/// <summary>
/// A context of libunbound with its cache, its own thread that talks to the name servers, and a thread that takes the
/// answers.
/// </summary>
internal sealed unsafe class UnboundContext : IDisposable
{
    /// <summary>
    /// Zones that libunbound answers itself, and for which name servers of the operator may have records.
    /// </summary>
    private static readonly string[] _builtInZones = ["test.", "home.arpa."];

    /// <summary>Lookups of all contexts by number. A callback with an unknown number is late.</summary>
    private static readonly ConcurrentDictionary<nint, Lookup> _lookups = new();

    private static long _latestNumber;

    private const string Stopped = "the resolver has stopped";

    /// <summary>Held while libunbound is called, so that the context is not deleted meanwhile.</summary>
    private readonly Lock _gate = new();

    private readonly nint _context;
    private readonly int _stopEvent;
    private readonly Thread _taker;
    private volatile bool _stopping;

    /// <exception cref="InvalidOperationException">libunbound does not accept the settings.</exception>
    internal UnboundContext(NetworkOptions options)
    {
        _context = Native.ub_ctx_create();
        if (_context == 0) throw new InvalidOperationException("libunbound could not be initialised.");

        try
        {
            Configure(options);
            _stopEvent = Native.eventfd(0, Native.EventNonBlocking | Native.EventCloseOnExec);
            if (_stopEvent < 0) throw new InvalidOperationException("There are no free file descriptors.");
        }
        catch
        {
            Native.ub_ctx_delete(_context);
            throw;
        }

        _taker = new Thread(TakeAnswers) { IsBackground = true, Name = "dns answers" };
        _taker.Start();
    }

    private void Configure(NetworkOptions options)
    {
        Check(Native.ub_ctx_debugout(_context, 0), "no log");
        foreach (var (option, value) in Settings(options))
        {
            Check(Native.ub_ctx_set_option(_context, option, value), option + value);
        }

        UseNameservers(options.Nameservers);
        Check(Native.ub_ctx_async(_context, 1), "a thread");

        // Last, because it ends the configuration.
        foreach (var zone in _builtInZones) Check(Native.ub_ctx_zone_remove(_context, zone), zone);
    }

    private static IEnumerable<(string Option, string Value)> Settings(NetworkOptions options)
    {
        static string Number(long number) => number.ToString(CultureInfo.InvariantCulture);

        // No DNSSEC: the certificate proves who answers.
        yield return ("module-config:", "iterator");
        yield return ("do-not-query-localhost:", "no");
        yield return ("msg-cache-size:", Number(options.DnsCacheBytes));
        yield return ("rrset-cache-size:", Number(options.DnsCacheBytes));
        yield return ("cache-max-ttl:", Number((long)options.AddressMaximumTime.TotalSeconds));
        yield return ("cache-max-negative-ttl:", Number((long)options.NegativeMaximumTime.TotalSeconds));
        yield return ("num-queries-per-thread:", Number(2L * options.MaxLookups));
        yield return ("outgoing-range:", Number(2L * options.MaxLookups));
        yield return ("infra-cache-numhosts:", "1000");

        // A name server that was down is tried again soon, and not only after 15 minutes.
        yield return ("infra-host-ttl:", "60");
        yield return ("infra-keep-probing:", "yes");
    }

    private void UseNameservers(IReadOnlyList<IPEndPoint> nameservers)
    {
        if (nameservers.Count == 0)
        {
            // Without the file, the name server of this machine is used, as by other programs: resolv.conf(5).
            if (Native.ub_ctx_resolvconf(_context, null) != 0)
            {
                Check(Native.ub_ctx_set_fwd(_context, "127.0.0.1"), "127.0.0.1");
            }

            var error = Native.ub_ctx_hosts(_context, null);
            if (error != Native.FileNotRead) Check(error, "/etc/hosts");
            return;
        }

        foreach (var server in nameservers)
        {
            var address = string.Create(CultureInfo.InvariantCulture, $"{server.Address}@{server.Port}");
            Check(Native.ub_ctx_set_fwd(_context, address), address);
        }
    }

    private static void Check(int error, string setting)
    {
        if (error != 0) throw new InvalidOperationException($"libunbound, {setting}: {Native.ErrorOf(error)}.");
    }

    /// <summary>
    /// Starts a lookup. <see cref="Lookup.Cancel"/> ends it before its answer.
    /// </summary>
    internal Lookup Start(string name, DnsType type)
    {
        var lookup = new Lookup(this, name, type, (nint)Interlocked.Increment(ref _latestNumber));
        lock (_gate)
        {
            if (_stopping)
            {
                lookup.End(DnsAnswer.Failed(Stopped));
                return lookup;
            }

            _lookups[lookup.Number] = lookup;
            var error = Native.ub_resolve_async(
                _context, name, (int)type, Native.ClassInternet, lookup.Number, &OnAnswer, out var id);
            if (error != 0) lookup.End(DnsAnswer.Failed(Native.ErrorOf(error)));
            lookup.Id = id;
        }

        return lookup;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void OnAnswer(nint number, int error, Native.Result* result)
    {
        try
        {
            if (_lookups.TryGetValue(number, out var lookup))
            {
                lookup.End(
                    error != 0 ? DnsAnswer.Failed(Native.ErrorOf(error)) : AnswerReader.Read(lookup.Name, result));
            }
        }
        finally
        {
            if (result != null) Native.ub_resolve_free(result);
        }
    }

    /// <summary>Waits for answers without a pool thread. The callbacks run here.</summary>
    private void TakeAnswers()
    {
        var descriptors = stackalloc Native.PollDescriptor[2];
        descriptors[0] = new Native.PollDescriptor { Descriptor = Native.ub_fd(_context), Events = Native.PollIn };
        descriptors[1] = new Native.PollDescriptor { Descriptor = _stopEvent, Events = Native.PollIn };
        while (!_stopping)
        {
            var ready = Native.poll(descriptors, 2, -1);
            if (ready < 0 && Marshal.GetLastPInvokeError() != Native.Interrupted) return;
            if (ready > 0 && descriptors[0].Returned != 0) _ = Native.ub_process(_context);
        }
    }

    /// <summary>Ends both threads. Lookups that are not answered fail.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            if (_stopping) return;
            _stopping = true;
        }

        ulong one = 1;
        _ = Native.write(_stopEvent, &one, sizeof(ulong));
        _taker.Join();
        Native.ub_ctx_delete(_context);
        _ = Native.close(_stopEvent);
        foreach (var lookup in _lookups.Values.Where(lookup => lookup.Context == this))
        {
            lookup.End(DnsAnswer.Failed(Stopped));
        }
    }

    /// <summary>A question that libunbound works on.</summary>
    internal sealed class Lookup(UnboundContext context, string name, DnsType type, nint number)
    {
        private readonly TaskCompletionSource<DnsAnswer> _answer =
            new(TaskCreationOptions.RunContinuationsAsynchronously);

        internal UnboundContext Context => context;

        internal string Name => name;

        internal DnsType Type => type;

        internal nint Number => number;

        internal int Id { get; set; }

        internal Task<DnsAnswer> Answer => _answer.Task;

        internal void End(DnsAnswer answer)
        {
            _lookups.TryRemove(number, out _);
            _answer.TrySetResult(answer);
        }

        internal void Cancel()
        {
            if (!_lookups.TryRemove(number, out _)) return;
            lock (context._gate)
            {
                if (!context._stopping) _ = Native.ub_cancel(context._context, Id);
            }

            _answer.TrySetCanceled();
        }
    }
}
