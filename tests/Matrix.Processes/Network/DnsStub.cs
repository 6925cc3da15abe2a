using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Matrix.Processes.Network;

/// <summary>The types of records that the stub has.</summary>
public enum StubType
{
    A = 1,
    Cname = 5,
    Soa = 6,
    Aaaa = 28,
    Srv = 33,
}

/// <summary>
/// A name server for tests, on one port of 127.0.0.1 for UDP and TCP. A name without records does not exist. Names are
/// compared without case. It answers from what it has when a question comes: records can be changed at any time.
/// </summary>
public sealed class DnsStub : IAsyncDisposable
{
    private const int HeaderBytes = 12;
    private const int TruncatedFlag = 0x0200;
    private const int ServerFailure = 2;
    private const int NameError = 3;
    private const int Refused = 5;

    private readonly UdpClient _udp;
    private readonly TcpListener _tcp;
    private readonly CancellationTokenSource _stop = new();
    private readonly List<Task> _loops = [];
    private readonly ConcurrentDictionary<string, Name> _names = new(StringComparer.OrdinalIgnoreCase);
    private readonly ConcurrentDictionary<(string, StubType), int> _questions = new();
    private int _overTcp;

    private DnsStub(UdpClient udp, TcpListener tcp)
    {
        _udp = udp;
        _tcp = tcp;
        EndPoint = (IPEndPoint)udp.Client.LocalEndPoint!;
        _loops.Add(Task.Run(ServeUdpAsync));
        _loops.Add(Task.Run(ServeTcpAsync));
    }

    /// <summary>Where it listens.</summary>
    public IPEndPoint EndPoint { get; }

    /// <summary>The questions that came over TCP.</summary>
    public int QuestionsOverTcp => Volatile.Read(ref _overTcp);

    /// <summary>The time to live of records, in seconds.</summary>
    public int TimeToLive { get; set; } = 60;

    /// <summary>All questions.</summary>
    public int Questions => _questions.Values.Sum();

    /// <summary>Starts a server.</summary>
    public static DnsStub Start()
    {
        for (var attempt = 0; ; attempt++)
        {
            var udp = new UdpClient(new IPEndPoint(IPAddress.Loopback, 0));
            var tcp = new TcpListener((IPEndPoint)udp.Client.LocalEndPoint!);
            try
            {
                tcp.Start();
                return new DnsStub(udp, tcp);
            }
            catch (SocketException) when (attempt < 20)
            {
                udp.Dispose();
                tcp.Dispose();
            }
        }
    }

    /// <summary>The questions for a name and type.</summary>
    public int Count(string name, StubType type) => _questions.GetValueOrDefault((name.ToLowerInvariant(), type));

    /// <summary>Sets the addresses of a name, IPv4 and IPv6.</summary>
    public DnsStub Addresses(string name, params string[] addresses)
    {
        var parsed = addresses.Select(IPAddress.Parse).ToLookup(address => address.AddressFamily);
        var entry = NameOf(name);
        entry.Records[StubType.A] = [.. parsed[AddressFamily.InterNetwork].Select(a => a.GetAddressBytes())];
        entry.Records[StubType.Aaaa] = [.. parsed[AddressFamily.InterNetworkV6].Select(a => a.GetAddressBytes())];
        return this;
    }

    /// <summary>Makes a name an alias.</summary>
    public DnsStub Alias(string name, string target)
    {
        NameOf(name).Records[StubType.Cname] = [Wire(target)];
        return this;
    }

    /// <summary>Adds an SRV record; the target "." is the root.</summary>
    public DnsStub Service(string name, int priority, int weight, int port, string target)
    {
        var header = new byte[6];
        BinaryPrimitives.WriteUInt16BigEndian(header, (ushort)priority);
        BinaryPrimitives.WriteUInt16BigEndian(header.AsSpan(2), (ushort)weight);
        BinaryPrimitives.WriteUInt16BigEndian(header.AsSpan(4), (ushort)port);
        byte[] record = [.. header, .. Wire(target)];
        NameOf(name).Records.AddOrUpdate(StubType.Srv, _ => [record], (_, others) => [.. others, record]);
        return this;
    }

    /// <summary>Removes all records of a name.</summary>
    public DnsStub Remove(string name)
    {
        _names.TryRemove(name, out _);
        return this;
    }

    /// <summary>Answers questions for a name with SERVFAIL.</summary>
    public DnsStub Fails(string name) => With(name, entry => entry.Code = ServerFailure);

    /// <summary>Answers questions for a name with REFUSED.</summary>
    public DnsStub Refuses(string name) => With(name, entry => entry.Code = Refused);

    /// <summary>Answers questions for a name over UDP with an empty, truncated response.</summary>
    public DnsStub Truncates(string name) => With(name, entry => entry.IsTruncated = true);

    /// <summary>Answers questions for a name after a time.</summary>
    public DnsStub Delays(string name, TimeSpan delay) => With(name, entry => entry.Delay = delay);

    /// <summary>Never answers questions for a name.</summary>
    public DnsStub IsSilentAbout(string name) => With(name, entry => entry.IsSilent = true);

    /// <summary>Answers questions for a name again.</summary>
    public DnsStub Recovers(string name) => With(name, entry =>
    {
        entry.Code = 0;
        entry.IsSilent = false;
        entry.Delay = TimeSpan.Zero;
    });

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _tcp.Stop();
        _udp.Dispose();
        await Task.WhenAll(_loops);
        _tcp.Dispose();
        _stop.Dispose();
    }

    private DnsStub With(string name, Action<Name> change)
    {
        change(NameOf(name));
        return this;
    }

    private Name NameOf(string name) => _names.GetOrAdd(name, _ => new Name());

    private async Task ServeUdpAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                var question = await _udp.ReceiveAsync(_stop.Token);
                _ = AnswerUdpAsync(question);
            }
            catch (Exception fault) when (fault is OperationCanceledException or ObjectDisposedException)
            {
                return;
            }
            catch (SocketException)
            {
                // The sender of an earlier question has closed its port.
            }
        }
    }

    private async Task AnswerUdpAsync(UdpReceiveResult question)
    {
        try
        {
            if (await AnswerAsync(question.Buffer, isTcp: false) is { } answer)
            {
                await _udp.SendAsync(answer, question.RemoteEndPoint, _stop.Token);
            }
        }
        catch (Exception fault) when (fault is OperationCanceledException or ObjectDisposedException or SocketException)
        {
            // The stub has stopped, or the asker has.
        }
    }

    private async Task ServeTcpAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                var client = await _tcp.AcceptTcpClientAsync(_stop.Token);
                _ = AnswerTcpAsync(client);
            }
            catch (Exception fault) when (fault is OperationCanceledException or ObjectDisposedException)
            {
                return;
            }
            catch (SocketException)
            {
                if (_stop.IsCancellationRequested) return;
            }
        }
    }

    private async Task AnswerTcpAsync(TcpClient client)
    {
        using (client)
        {
            try
            {
                var stream = client.GetStream();
                var length = new byte[2];
                while (await stream.ReadAtLeastAsync(length, 2, throwOnEndOfStream: false, _stop.Token) == 2)
                {
                    var question = new byte[BinaryPrimitives.ReadUInt16BigEndian(length)];
                    await stream.ReadExactlyAsync(question, _stop.Token);
                    Interlocked.Increment(ref _overTcp);
                    if (await AnswerAsync(question, isTcp: true) is not { } answer) return;
                    BinaryPrimitives.WriteUInt16BigEndian(length, (ushort)answer.Length);
                    await stream.WriteAsync((byte[])[.. length, .. answer], _stop.Token);
                }
            }
            catch (Exception fault) when (fault is OperationCanceledException or IOException or ObjectDisposedException)
            {
                // The stub has stopped, or the asker has.
            }
        }
    }

    private async Task<byte[]?> AnswerAsync(byte[] question, bool isTcp)
    {
        var name = ReadName(question, HeaderBytes, out var end);
        var type = (StubType)BinaryPrimitives.ReadUInt16BigEndian(question.AsSpan(end));
        _questions.AddOrUpdate((name.ToLowerInvariant(), type), 1, (_, count) => count + 1);

        _names.TryGetValue(name, out var entry);
        if (entry is not null)
        {
            if (entry.IsSilent) return null;
            if (entry.Delay > TimeSpan.Zero) await Task.Delay(entry.Delay, _stop.Token);
            if (entry.Code != 0) return Message(question, end, entry.Code, [], 0);
            if (entry.IsTruncated && !isTcp) return Message(question, end, 0, [], TruncatedFlag);
        }

        var records = RecordsOf(name, entry, type);
        return Message(question, end, entry is null ? NameError : 0, records, 0);
    }

    /// <summary>The records of a name and, if it is an alias, of the names that follow.</summary>
    private List<(string Name, StubType Type, byte[] Data)> RecordsOf(string name, Name? entry, StubType type)
    {
        var found = new List<(string, StubType, byte[])>();
        for (var steps = 0; entry is not null && steps < 10; steps++)
        {
            if (!entry.Records.TryGetValue(StubType.Cname, out var alias))
            {
                var records = entry.Records.GetValueOrDefault(type) ?? [];
                found.AddRange(records.Select(data => (name, type, data)));
                break;
            }

            found.Add((name, StubType.Cname, alias[0]));
            name = ReadName(alias[0], 0, out _);
            _names.TryGetValue(name, out entry);
        }

        return found;
    }

    private byte[] Message(
        byte[] question, int endOfName, int code, List<(string Name, StubType Type, byte[] Data)> records, int flags)
    {
        var message = new List<byte>(question.AsSpan(0, endOfName + 4).ToArray());
        foreach (var (name, type, data) in records) Append(message, name, type, TimeToLive, data);
        if (records.Count == 0 && code is 0 or NameError && flags == 0)
        {
            // Negative answers are kept for the last number of the zone's SOA.
            var zone = (byte[])[0, 0, .. Number(1), .. Number(60), .. Number(60), .. Number(60), .. Number(TimeToLive)];
            Append(message, "", StubType.Soa, TimeToLive, zone);
        }

        var header = message.ToArray();
        BinaryPrimitives.WriteUInt16BigEndian(header.AsSpan(2), (ushort)(0x8580 | flags | code));
        BinaryPrimitives.WriteUInt16BigEndian(header.AsSpan(4), 1);
        BinaryPrimitives.WriteUInt16BigEndian(header.AsSpan(6), (ushort)records.Count);
        BinaryPrimitives.WriteUInt16BigEndian(
            header.AsSpan(8), (ushort)(records.Count == 0 && code is 0 or NameError && flags == 0 ? 1 : 0));
        BinaryPrimitives.WriteUInt16BigEndian(header.AsSpan(10), 0);
        return header;
    }

    private static void Append(List<byte> message, string name, StubType type, int timeToLive, byte[] data)
    {
        message.AddRange(Wire(name));
        message.AddRange([0, (byte)type, 0, 1]);
        message.AddRange(Number(timeToLive));
        message.AddRange([(byte)(data.Length >> 8), (byte)data.Length]);
        message.AddRange(data);
    }

    private static byte[] Number(int number)
    {
        var bytes = new byte[4];
        BinaryPrimitives.WriteInt32BigEndian(bytes, number);
        return bytes;
    }

    private static byte[] Wire(string name)
    {
        var wire = new List<byte>();
        foreach (var label in name.Split('.', StringSplitOptions.RemoveEmptyEntries))
        {
            wire.Add((byte)label.Length);
            wire.AddRange(Encoding.ASCII.GetBytes(label));
        }

        wire.Add(0);
        return [.. wire];
    }

    private static string ReadName(byte[] message, int at, out int end)
    {
        var labels = new List<string>();
        while (message[at] != 0)
        {
            labels.Add(Encoding.ASCII.GetString(message, at + 1, message[at]));
            at += message[at] + 1;
        }

        end = at + 1;
        return string.Join('.', labels);
    }

    private sealed class Name
    {
        public ConcurrentDictionary<StubType, byte[][]> Records { get; } = new();

        public int Code { get; set; }

        public bool IsTruncated { get; set; }

        public bool IsSilent { get; set; }

        public TimeSpan Delay { get; set; }
    }
}
