using System.Formats.Cbor;
using System.Globalization;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;

namespace Matrix.Host.Cluster.Routing;

/// <summary>The response to a <see cref="BriefRequest"/>.</summary>
/// <param name="Status">Its status.</param>
/// <param name="Headers">Its headers, without those of the connection.</param>
/// <param name="Body">Its body.</param>
internal sealed record BriefResponse(
    int Status, IEnumerable<KeyValuePair<string, StringValues>> Headers, ReadOnlyMemory<byte> Body)
{
    private const int Fields = 3;

    /// <summary>How far the node has read that says it does not have the shard; null if it answered.</summary>
    public long? WrongNodeAt => Status == RequestForwarding.WrongNode
        ? ForwardedRequest.PositionIn(
            Headers.FirstOrDefault(static header => header.Key == ForwardedRequest.PositionHeader).Value)
        : null;

    /// <summary>The bytes of a response.</summary>
    public static byte[] Write(HttpResponse response, ReadOnlySpan<byte> body)
    {
        var cbor = new CborWriter();
        cbor.WriteStartArray(Fields);
        cbor.WriteInt32(response.StatusCode);
        BriefHeaders.Write(cbor, response.Headers);
        cbor.WriteByteString(body);
        cbor.WriteEndArray();
        return cbor.Encode();
    }

    /// <summary>Reads one; null if the bytes are anything else.</summary>
    public static BriefResponse? TryRead(ReadOnlyMemory<byte> bytes)
    {
        try
        {
            var cbor = new CborReader(bytes, CborConformanceMode.Lax);
            return cbor.ReadStartArray() == Fields
                ? new BriefResponse(cbor.ReadInt32(), BriefHeaders.Read(cbor), cbor.ReadByteString())
                : null;
        }
        catch (Exception malformed) when (BriefHeaders.IsMalformed(malformed))
        {
            return null;
        }
    }

    /// <summary>Sends it to the client. This node sets headers of its own only for its own responses.</summary>
    public async ValueTask SendAsync(HttpResponse response, CancellationToken stop)
    {
        response.Headers.Clear();
        response.StatusCode = Status;
        foreach (var (name, value) in Headers) response.Headers.Append(name, value);
        if (Body.Length == 0) return;
        response.ContentLength = Body.Length;
        await response.BodyWriter.WriteAsync(Body, stop);
    }
}
