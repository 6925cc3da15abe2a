using System.Net;
using Matrix.Core.Discovery;

namespace Matrix.Host.Network.Discovery.Dns;

/// <summary>The types of DNS records that discovery needs.</summary>
public enum DnsType
{
    /// <summary>IPv4 addresses.</summary>
    A = 1,

    /// <summary>IPv6 addresses.</summary>
    Aaaa = 28,

    /// <summary>Services. RFC 2782.</summary>
    Srv = 33,
}

/// <summary>The answer to a DNS question: records, the absence of records, or a failure.</summary>
public sealed record DnsAnswer
{
    /// <summary>The addresses of a question for A or AAAA.</summary>
    public IReadOnlyList<IPAddress> Addresses { get; init; } = [];

    /// <summary>The records of a question for SRV.</summary>
    public IReadOnlyList<ServiceRecord> Services { get; init; } = [];

    /// <summary>Whether the name is an alias (CNAME).</summary>
    public bool IsAlias { get; init; }

    /// <summary>How long the answer may be kept.</summary>
    public TimeSpan TimeToLive { get; init; }

    /// <summary>Why there is no answer; null if there is one.</summary>
    public string? Failure { get; init; }

    /// <summary>An answer that the name servers did not give.</summary>
    public static DnsAnswer Failed(string reason) => new() { Failure = reason };
}

/// <summary>Asks name servers.</summary>
public interface IDnsResolver
{
    /// <summary>The records of a name. Failures are answers too.</summary>
    ValueTask<DnsAnswer> AskAsync(string name, DnsType type, CancellationToken stop);
}

/// <summary>Lookups of both kinds of addresses.</summary>
internal static class AddressLookups
{
    /// <summary>
    /// The IPv6 and IPv4 addresses of a name, by turns. If one of the two lookups fails, the addresses of the other are
    /// the answer; if that has none, the failure is.
    /// </summary>
    internal static async ValueTask<DnsAnswer> AddressesAsync(
        this IDnsResolver resolver, string name, CancellationToken stop)
    {
        var asking6 = resolver.AskAsync(name, DnsType.Aaaa, stop).AsTask();
        var asking4 = resolver.AskAsync(name, DnsType.A, stop).AsTask();
        await Task.WhenAll(asking6, asking4);
        var (six, four) = (await asking6, await asking4);

        var addresses = ByTurns(six.Addresses, four.Addresses);
        return new DnsAnswer
        {
            Addresses = addresses,
            IsAlias = six.IsAlias || four.IsAlias,
            TimeToLive = six.Failure is not null ? four.TimeToLive
                : four.Failure is not null || six.TimeToLive < four.TimeToLive ? six.TimeToLive
                : four.TimeToLive,
            Failure = addresses.Count > 0 ? null : six.Failure ?? four.Failure,
        };
    }

    private static List<IPAddress> ByTurns(IReadOnlyList<IPAddress> six, IReadOnlyList<IPAddress> four)
    {
        var addresses = new List<IPAddress>();
        for (var i = 0; i < Math.Max(six.Count, four.Count); i++)
        {
            if (i < six.Count) addresses.Add(six[i]);
            if (i < four.Count) addresses.Add(four[i]);
        }

        return addresses;
    }
}
