using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Matrix.Core.Federation;
using Matrix.Host.Crypto;

namespace Matrix.Benchmarks.Federation.Peers;

/// <summary>A signed request that is ready to be sent.</summary>
internal sealed record PreparedRequest(HttpMethod Method, Uri Uri, string Authorization, byte[] Body);

/// <summary>A server of this process, with a key of its own.</summary>
internal sealed class SyntheticPeer(string name, SyntheticPeers peers)
{
    private readonly SigningKey _key = new("a_peer", Ed25519Key.Generate());
    private byte[]? _keys;
    private int _transactions;

    /// <summary>The server's name.</summary>
    public string Name => name;

    /// <summary>The response to a request for its keys.</summary>
    public byte[] Keys => _keys ??= MakeKeys();

    /// <summary>The id of its key.</summary>
    public string KeyId => _key.Id;

    public byte[] Sign(ReadOnlySpan<byte> bytes) => _key.Key.Sign(bytes);

    /// <summary>Joins a room through a server.</summary>
    public Task<PeerRoom> JoinAsync(string serverName, Uri server, string roomId, CancellationToken stop) =>
        PeerRoom.JoinAsync(this, serverName, server, roomId, stop);

    /// <summary>A transaction of events, signed.</summary>
    public PreparedRequest Transaction(string serverName, Uri server, IEnumerable<ReadOnlyMemory<byte>> pdus)
    {
        var body = new MemoryStream();
        var now = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
        body.Write(Encoding.UTF8.GetBytes($$"""{"origin":"{{name}}","origin_server_ts":{{now}},"pdus":["""));
        var isFirst = true;
        foreach (var pdu in pdus)
        {
            if (!isFirst) body.WriteByte((byte)',');
            isFirst = false;
            body.Write(pdu.Span);
        }

        body.Write("]}"u8);
        var target = $"/_matrix/federation/v1/send/t{++_transactions}";
        return Prepare(HttpMethod.Put, serverName, server, target, body.ToArray());
    }

    /// <summary>A signed request. The body is canonical JSON, or empty.</summary>
    public PreparedRequest Prepare(HttpMethod method, string serverName, Uri server, string target, byte[] body)
    {
        var signature = Sign(RequestAuth.BytesToSign(method.Method, target, name, serverName, body));
        var options = new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true };
        return new PreparedRequest(
            method,
            new Uri(server.GetLeftPart(UriPartial.Authority) + target, options),
            RequestAuth.Print(name, serverName, _key.Id, signature),
            body);
    }

    /// <summary>Sends a request; fails unless the response is 200.</summary>
    public async Task<byte[]> SendAsync(PreparedRequest prepared, CancellationToken stop)
    {
        using var request = new HttpRequestMessage(prepared.Method, prepared.Uri);
        request.Headers.TryAddWithoutValidation("Authorization", prepared.Authorization);
        if (prepared.Body.Length > 0)
        {
            request.Content = new ByteArrayContent(prepared.Body);
            request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        }

        using var response = await peers.Http.SendAsync(request, stop);
        var body = await response.Content.ReadAsByteArrayAsync(stop);
        return response.IsSuccessStatusCode ? body
            : throw new InvalidDataException(
                $"{prepared.Uri} answered {(int)response.StatusCode} to {name}: {Encoding.UTF8.GetString(body)}");
    }

    /// <summary>Sends a transaction, and returns the number of its events that were refused.</summary>
    public async Task<int> SendTransactionAsync(PreparedRequest prepared, CancellationToken stop)
    {
        using var response = JsonDocument.Parse(await SendAsync(prepared, stop));
        return response.RootElement.GetProperty("pdus").EnumerateObject()
            .Count(static each => each.Value.TryGetProperty("error", out _));
    }

    private byte[] MakeKeys()
    {
        // The members are in canonical order.
        var until = DateTimeOffset.UtcNow.AddDays(1).ToUnixTimeMilliseconds();
        var keys = $$$$"""{"old_verify_keys":{},"server_name":"{{{{name}}}}","valid_until_ts":{{{{until}}}}"""
            + $$$$""","verify_keys":{"{{{{_key.Id}}}}":{"key":"{{{{_key.PublicKeyText}}}}"}}}""";
        var signature = Base64Text.Encode(Sign(Encoding.UTF8.GetBytes(keys)));
        return Encoding.UTF8.GetBytes(
            keys[..^1] + $$$$""","signatures":{"{{{{name}}}}":{"{{{{_key.Id}}}}":"{{{{signature}}}}"}}}""");
    }
}
