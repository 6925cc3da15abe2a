namespace Matrix.Host.Network.Discovery.WellKnown;

/// <summary>One HTTPS request, without redirects: the connection, TLS and the size of the response.</summary>
public interface IWellKnownFetcher
{
    /// <summary>
    /// Gets a resource. Reads at most <paramref name="maxBytes"/> of the body. Never connects to an address that the
    /// policy refuses.
    /// </summary>
    ValueTask<WellKnownPage> GetAsync(Uri address, int maxBytes, CancellationToken stop);
}

/// <summary>The response to a request, or why there is none.</summary>
public sealed record WellKnownPage
{
    /// <summary>The status.</summary>
    public int Status { get; init; }

    /// <summary>The <c>Location</c> field as sent; null if there is none.</summary>
    public string? Location { get; init; }

    /// <summary>The <c>Cache-Control</c> fields, joined with commas.</summary>
    public string CacheControl { get; init; } = "";

    /// <summary>The <c>Expires</c> field as sent; null if there is none.</summary>
    public string? Expires { get; init; }

    /// <summary>The <c>Date</c> field; null if there is none, or it is no date.</summary>
    public DateTimeOffset? Date { get; init; }

    /// <summary>The <c>Age</c> field; zero if there is none.</summary>
    public TimeSpan Age { get; init; }

    /// <summary>The body; empty if it is too large.</summary>
    public byte[] Body { get; init; } = [];

    /// <summary>Whether the body is larger than the bound.</summary>
    public bool IsTooLarge { get; init; }

    /// <summary>Why there is no response; null if there is one.</summary>
    public string? Failure { get; init; }

    /// <summary>No response.</summary>
    public static WellKnownPage Failed(string reason) => new() { Failure = reason };
}
