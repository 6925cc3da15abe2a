using System.Formats.Cbor;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Primitives;

namespace Matrix.Host.Cluster.Routing;

/// <summary>A request whose whole is the body of a call to its owner.</summary>
/// <param name="Told">What the node that forwards says of it.</param>
/// <param name="Method">Its method.</param>
/// <param name="Target">Its path and query, as the client sent them.</param>
/// <param name="Headers">Its headers, without those of the connection.</param>
/// <param name="Body">Its body.</param>
internal sealed record BriefRequest(
    ForwardedRequest Told,
    string Method,
    string Target,
    IEnumerable<KeyValuePair<string, StringValues>> Headers,
    ReadOnlyMemory<byte> Body)
{
    private const int Fields = 9;

    /// <summary>The bytes of a request with this body.</summary>
    public static byte[] Write(HttpContext http, ForwardedRequest told, ReadOnlySpan<byte> body)
    {
        var cbor = new CborWriter();
        cbor.WriteStartArray(Fields);
        cbor.WriteTextString(told.Listener);
        cbor.WriteTextString(told.Address);
        cbor.WriteTextString(told.Scheme);
        cbor.WriteTextString(told.Host);
        cbor.WriteInt64(told.Position);
        cbor.WriteTextString(http.Request.Method);
        cbor.WriteTextString(http.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget);
        BriefHeaders.Write(cbor, http.Request.Headers);
        cbor.WriteByteString(body);
        cbor.WriteEndArray();
        return cbor.Encode();
    }

    /// <summary>Reads one; null if the bytes are anything else.</summary>
    public static BriefRequest? TryRead(ReadOnlyMemory<byte> bytes)
    {
        try
        {
            var cbor = new CborReader(bytes, CborConformanceMode.Lax);
            if (cbor.ReadStartArray() != Fields) return null;
            var told = new ForwardedRequest(
                cbor.ReadTextString(), cbor.ReadTextString(), cbor.ReadTextString(), cbor.ReadTextString(),
                cbor.ReadInt64());
            return new BriefRequest(
                told, cbor.ReadTextString(), cbor.ReadTextString(), BriefHeaders.Read(cbor), cbor.ReadByteString());
        }
        catch (Exception malformed) when (BriefHeaders.IsMalformed(malformed))
        {
            return null;
        }
    }
}
