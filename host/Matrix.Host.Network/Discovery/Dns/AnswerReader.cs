using System.Buffers.Binary;
using System.Net;
using System.Runtime.InteropServices;
using System.Text;
using Matrix.Core.Discovery;

namespace Matrix.Host.Network.Discovery.Dns;

/// <summary>Reads results of libunbound.</summary>
internal static unsafe class AnswerReader
{
    private const int NoError = 0;
    private const int NameError = 3;

    /// <summary>Priority, weight and port. RFC 2782.</summary>
    private const int ServiceHeader = 6;

    /// <summary>The most records of an answer that are read.</summary>
    private const int MaxRecords = 1000;

    internal static DnsAnswer Read(string name, Native.Result* result)
    {
        if (result->RCode is not (NoError or NameError)) return DnsAnswer.Failed(NameOf(result->RCode));

        var addresses = new List<IPAddress>();
        var services = new List<ServiceRecord>();
        for (var i = 0; result->HaveData != 0 && i < MaxRecords && result->Data[i] != null; i++)
        {
            var data = new ReadOnlySpan<byte>(result->Data[i], result->Lengths[i]);
            switch ((DnsType)result->QType)
            {
                case DnsType.A when data.Length == 4:
                case DnsType.Aaaa when data.Length == 16:
                    addresses.Add(new IPAddress(data));
                    break;
                case DnsType.Srv when data.Length > ServiceHeader:
                    if (ServiceOf(data) is { } service) services.Add(service);
                    break;
            }
        }

        return new DnsAnswer
        {
            Addresses = addresses,
            Services = services,
            IsAlias = IsAlias(name, Marshal.PtrToStringUTF8((nint)result->CanonicalName)),
            TimeToLive = TimeSpan.FromSeconds(Math.Max(0, result->TimeToLive)),
        };
    }

    private static bool IsAlias(string name, string? canonical) =>
        canonical is not null && !canonical.TrimEnd('.').Equals(name.TrimEnd('.'), StringComparison.OrdinalIgnoreCase);

    private static ServiceRecord? ServiceOf(ReadOnlySpan<byte> data) =>
        NameOf(data[ServiceHeader..]) is { } target
            ? new ServiceRecord(
                BinaryPrimitives.ReadUInt16BigEndian(data),
                BinaryPrimitives.ReadUInt16BigEndian(data[2..]),
                BinaryPrimitives.ReadUInt16BigEndian(data[4..]),
                target)
            : null;

    /// <summary>
    /// A name in wire format as text, "." for the root; null if it is damaged. A byte that no host name has becomes
    /// "?", so that the name is refused.
    /// </summary>
    internal static string? NameOf(ReadOnlySpan<byte> wire)
    {
        var text = new StringBuilder();
        while (wire.Length > 0 && wire[0] != 0)
        {
            var length = wire[0];
            if (wire.Length <= length) return null;
            if (text.Length > 0) text.Append('.');
            foreach (var b in wire.Slice(1, length))
            {
                text.Append(char.IsAsciiLetterOrDigit((char)b) || b is (byte)'-' or (byte)'_' ? (char)b : '?');
            }

            wire = wire[(length + 1)..];
        }

        if (wire.Length == 0) return null;
        return text.Length == 0 ? "." : text.ToString();
    }

    private static string NameOf(int code) => code switch
    {
        1 => "FORMERR",
        2 => "SERVFAIL",
        4 => "NOTIMP",
        5 => "REFUSED",
        _ => $"response code {code}",
    };
}
