using Matrix.Core.Json;

namespace Matrix.Host.Network.FederationClient.Operations;

/// <summary>A transaction. Its events are canonical JSON and are sent as they are.</summary>
public sealed record FederationTransaction(
    string Id,
    long OriginServerTs,
    IReadOnlyList<ReadOnlyMemory<byte>> Pdus,
    IReadOnlyList<ReadOnlyMemory<byte>> Edus)
{
    /// <summary>The most PDUs. v1.19 server-server-api#transactions</summary>
    public const int MaxPdus = 50;

    /// <summary>The most EDUs. v1.19 server-server-api#transactions</summary>
    public const int MaxEdus = 100;
}

public sealed partial class FederationOperations
{
    /// <summary>
    /// `PUT /send/{txnId}`: the `error` of each refused PDU by its event id.
    /// v1.19 server-server-api#put_matrixfederationv1sendtxnid
    /// </summary>
    public async ValueTask<FederationResult<IReadOnlyDictionary<string, string>>> SendTransactionAsync(
        string server, FederationTransaction transaction, CancellationToken stop)
    {
        var request = new FederationRequest(server, "PUT", $"{V1}send/{Escaped(transaction.Id)}", null)
        {
            CanonicalBody = BodyOf(transaction),
        };
        var sent = await client.SendAsync(request, stop);
        return sent.Then(static response => FederationResult.Of<IReadOnlyDictionary<string, string>>(
            ErrorsOf(response.Child("pdus") ?? JsonObject.Empty)));
    }

    private static Dictionary<string, string> ErrorsOf(JsonObject pdus)
    {
        var errors = new Dictionary<string, string>(StringComparer.Ordinal);
        for (var at = 0; at < pdus.Count; at++)
        {
            if (pdus.Child(pdus.Key(at))?.Text("error") is { } error) errors[pdus.Key(at)] = error;
        }

        return errors;
    }

    /// <summary>The body as canonical JSON: its names are written in order.</summary>
    private byte[] BodyOf(FederationTransaction transaction)
    {
        using var body = new ByteBuffer();
        body.Raw("{\"edus\":"u8);
        WriteList(body, transaction.Edus);
        body.Raw(",\"origin\":"u8);
        CanonicalJson.WriteString(body, options.ServerName);
        body.Raw(",\"origin_server_ts\":"u8);
        CanonicalJson.WriteInt(body, transaction.OriginServerTs);
        body.Raw(",\"pdus\":"u8);
        WriteList(body, transaction.Pdus);
        body.Raw("}"u8);
        return body.ToArray();
    }

    private static void WriteList(ByteBuffer body, IReadOnlyList<ReadOnlyMemory<byte>> items)
    {
        body.Raw("["u8);
        for (var at = 0; at < items.Count; at++)
        {
            if (at > 0) body.Raw(","u8);
            body.Raw(items[at].Span);
        }

        body.Raw("]"u8);
    }
}
