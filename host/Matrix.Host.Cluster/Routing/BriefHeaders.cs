using System.Collections.Frozen;
using System.Formats.Cbor;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;
using Microsoft.Net.Http.Headers;

namespace Matrix.Host.Cluster.Routing;

/// <summary>Headers as a list of names and values.</summary>
internal static class BriefHeaders
{
    private static readonly FrozenSet<string> _ofConnection = new[]
    {
        HeaderNames.Connection, HeaderNames.KeepAlive, HeaderNames.ProxyConnection, HeaderNames.TransferEncoding,
        HeaderNames.TE, HeaderNames.Trailer, HeaderNames.Upgrade, HeaderNames.Expect,
    }.ToFrozenSet(StringComparer.OrdinalIgnoreCase);

    /// <summary>Writes headers, but for those of the connection.</summary>
    public static void Write(CborWriter cbor, IHeaderDictionary headers)
    {
        cbor.WriteStartArray(null);
        foreach (var (name, values) in headers)
        {
            if (_ofConnection.Contains(name)) continue;
            foreach (var value in values)
            {
                cbor.WriteTextString(name);
                cbor.WriteTextString(value ?? "");
            }
        }

        cbor.WriteEndArray();
    }

    /// <summary>Reads headers.</summary>
    public static List<KeyValuePair<string, StringValues>> Read(CborReader cbor)
    {
        var headers = new List<KeyValuePair<string, StringValues>>();
        cbor.ReadStartArray();
        while (cbor.PeekState() != CborReaderState.EndArray)
        {
            headers.Add(new(cbor.ReadTextString(), cbor.ReadTextString()));
        }

        cbor.ReadEndArray();
        return headers;
    }

    /// <summary>Whether an exception says that bytes are malformed.</summary>
    public static bool IsMalformed(Exception fault) =>
        fault is CborContentException or InvalidOperationException or OverflowException;
}
