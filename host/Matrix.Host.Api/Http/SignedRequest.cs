using Matrix.Core.Federation;
using Matrix.Host.Crypto;
using Matrix.Host.Network.Keys;

namespace Matrix.Host.Api.Http;

/// <summary>A request whose signature can be verified once its body is here: the sender's keys are known.</summary>
internal sealed class SignedRequest(
    IReadOnlyList<RequestAuth> credentials,
    IReadOnlyDictionary<string, ServerKey> keys,
    string destination,
    string method,
    string uri)
{
    /// <summary>The server that made the signature, if it is valid.</summary>
    internal Peer Sender { get; } = new(credentials[0].Origin);

    /// <summary>Whether one of the signatures is valid.</summary>
    /// <param name="content">The body as canonical JSON; empty if there is none.</param>
    internal bool Verify(ReadOnlySpan<byte> content)
    {
        // Older servers leave the destination out of the header, and sign it nevertheless.
        var signed = RequestAuth.BytesToSign(method, uri, Sender.ServerName, destination, content);
        foreach (var each in credentials)
        {
            if (keys.TryGetValue(each.KeyId, out var key)
                && Ed25519.Verify(key.PublicKey.Span, signed, each.Signature))
            {
                return true;
            }
        }

        return false;
    }
}
