using System.Diagnostics;
using System.Diagnostics.Metrics;
using Matrix.Core.Federation;
using Matrix.Core.Json;
using Matrix.Host.Crypto;
using Microsoft.Extensions.Logging;

namespace Matrix.Host.Network.Keys;

/// <summary>A response with a server's keys, its signatures verified.</summary>
/// <param name="Json">The response as the server signed it.</param>
/// <param name="Notary">The notary that returned it; null if the server did.</param>
internal sealed record FetchedKeys(KeyResponse Keys, JsonObject Json, string? Notary);

/// <summary>Says which responses with keys count, and counts and logs those that do not.</summary>
internal sealed partial class KeyResponseChecks(NetworkOptions options, TimeProvider time, ILogger log) : IDisposable
{
    private readonly LogLimiter _lines = new(options.ErrorLogInterval, options.MaxErrorLogServers, time);
    private readonly Meter _meter = new("Matrix.Network");
    private Counter<long>? _fetches;

    private Counter<long> Fetches => _fetches ??= _meter.CreateCounter<long>(
        "matrix_federation_key_fetches", null, "Fetches of other servers' keys, by outcome.");

    /// <summary>The keys of a response, if every key in use has signed it.</summary>
    internal FetchedKeys? Verified(string server, JsonObject json, string? notary)
    {
        if (!KeyResponse.TryRead(json, server, options.MaxKeysPerServer, out var response, out var fault))
        {
            Refuse(server, fault.ToString(), "malformed");
            return null;
        }

        foreach (var signature in response.Signatures)
        {
            if (Ed25519.Verify(signature.PublicKey, response.BytesToVerify, signature.Signature)) continue;
            Refuse(server, $"the signature by {signature.KeyId} is not valid", "wrong_signature");
            return null;
        }

        return new FetchedKeys(response, json, notary);
    }

    /// <summary>Logs, now and then, why a response does not count.</summary>
    internal void Refuse(string server, string why, string outcome)
    {
        if (_lines.Allows(server, out _)) LogRefused(server, why);
        Count(outcome);
    }

    internal void Count(string outcome) => Fetches.Add(1, new TagList { { "outcome", outcome } });

    public void Dispose() => _meter.Dispose();

    [LoggerMessage(Level = LogLevel.Warning, Message = "The keys of {Server} do not count: {Why}")]
    private partial void LogRefused(string server, string why);
}
