using System.Collections.Concurrent;
using Matrix.Core.Discovery;
using Matrix.Host.Network.Discovery.Dns;
using Matrix.Host.Network.Discovery.WellKnown;

namespace Matrix.Host.Network.Checking;

/// <summary>Asks name servers and web servers for discovery, and notes the answers.</summary>
internal sealed class RecordedLookups(IDnsResolver resolver, IWellKnownFetcher fetcher)
    : IDnsResolver, IWellKnownFetcher
{
    private readonly ConcurrentQueue<CheckStep> _answers = [];

    /// <summary>The answers so far, in order; each is returned once.</summary>
    internal IEnumerable<CheckStep> Take()
    {
        while (_answers.TryDequeue(out var answer)) yield return answer;
    }

    /// <inheritdoc/>
    public async ValueTask<DnsAnswer> AskAsync(string name, DnsType type, CancellationToken stop)
    {
        var answer = await resolver.AskAsync(name, type, stop);
        _answers.Enqueue(StepOf(name, type, answer));
        return answer;
    }

    /// <inheritdoc/>
    public async ValueTask<WellKnownPage> GetAsync(Uri address, int maxBytes, CancellationToken stop)
    {
        var page = await fetcher.GetAsync(address, maxBytes, stop);
        _answers.Enqueue(StepOf(address, page));
        return page;
    }

    private static CheckStep StepOf(string name, DnsType type, DnsAnswer answer)
    {
        var question = $"{type.ToString().ToUpperInvariant()} {name}";
        if (answer.Failure is { } failure) return CheckStep.Failed("dns", $"{question}: {failure}");
        IEnumerable<string> found = type == DnsType.Srv
            ? answer.Services.Select(service => $"{service.Target}:{service.Port}")
            : answer.Addresses.Select(address => address.ToString());
        var records = string.Join(", ", found);
        return CheckStep.Noted("dns", records.Length > 0 ? $"{question}: {records}" : $"{question}: no record");
    }

    private static CheckStep StepOf(Uri address, WellKnownPage page)
    {
        if (page.Failure is { } failure) return CheckStep.Noted("well-known", $"{address}: {failure}");
        if (page.Location is { } location) return CheckStep.Noted("well-known", $"{address} leads to {location}");
        if (page.IsTooLarge) return CheckStep.Failed("well-known", $"{address}: the file is too large");
        if (page.Status == 404) return CheckStep.Noted("well-known", $"{address}: there is none (404)");
        var reply = new WellKnownReply(page.Status, page.CacheControl, -1, -1, 0, page.Body);
        var entry = WellKnownEntry.Read(reply, null, 0, WellKnownLimits.Default);
        return entry.Server is { } server
            ? CheckStep.Passed("well-known", $"{address}: {server}")
            : CheckStep.Failed("well-known", $"{address}: {Words(entry.Fault!)}");
    }

    private static string Words(WellKnownFault fault) => fault switch
    {
        WellKnownFault.Status status => $"the status is {status.Item}",
        WellKnownFault.TooLarge large => $"it has more than {large.limit} bytes",
        WellKnownFault.NotAnObject => "it is not a JSON object",
        WellKnownFault.InvalidServer invalid => $"`m.server` is not the name of a server: {invalid.given}",
        _ => "`m.server` is missing, or not a string",
    };
}
