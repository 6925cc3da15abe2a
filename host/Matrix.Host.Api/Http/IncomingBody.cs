using Matrix.Host.Network;

namespace Matrix.Host.Api.Http;

/// <summary>
/// A body while it is read. It is charged for the memory that it takes, not only for its bytes. The signature of
/// another server's is verified before it is parsed, if it came as canonical JSON.
/// </summary>
/// <param name="share">The request's share of the memory for bodies.</param>
/// <param name="signed">The request; null if it needs no signature.</param>
/// <param name="charged">The bytes for which it is charged already.</param>
internal sealed class IncomingBody(ByteBudget.Share share, SignedRequest? signed, long charged = 0)
{
    /// <summary>The text as it came, in one piece, as the bytes to sign, and as strings.</summary>
    private const int Copies = 4;

    private static readonly TimeSpan _busyFor = TimeSpan.FromSeconds(2);

    /// <summary>Whether the signature is valid for the bytes as they came.</summary>
    internal bool IsVerified { get; private set; }

    /// <summary>So many bytes have arrived. The error if they may not be held.</summary>
    internal Answer? Arrived(long bytes) => bytes <= charged || share.TryGrowTo(bytes) ? null : Busy;

    /// <summary>The body is to be parsed. The error if its tree would be too large.</summary>
    internal Answer? Parsing(ReadOnlySpan<byte> body)
    {
        IsVerified = signed?.Verify(body) == true;
        var memory = (Copies * (long)body.Length) + JsonMemory.OfValues(body);

        if (memory <= charged) return null;

        // What a known server has sent is taken if it fits at all: it may pass on what its users made up.
        if (IsVerified ? share.TryGrowAloneTo(memory) : share.TryGrowTo(memory)) return null;
        return memory > (IsVerified ? share.Most : share.MostOfOne)
            ? Answer.TooLarge("The body has too many values.")
            : Busy;
    }

    private static Answer Busy { get; } = Answer.LimitExceeded(_busyFor, "This server is reading too many bodies.");
}
