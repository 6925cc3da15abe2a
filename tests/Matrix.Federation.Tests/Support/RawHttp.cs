using System.Globalization;
using System.Net.Security;
using System.Net.Sockets;
using System.Text;

namespace Matrix.Federation.Tests.Support;

/// <summary>Requests that no HTTP client sends, such as those with several `Authorization` headers.</summary>
public static class RawHttp
{
    /// <summary>Sends on a connection of its own, and reads the response.</summary>
    public static async Task<Reply> SendAsync(
        Uri server, string method, string target, string? body, params string[] authorizations)
    {
        var head = new StringBuilder($"{method} {target} HTTP/1.1\r\nHost: {server.Authority}\r\n");
        head.Append("Connection: close\r\n");
        foreach (var value in authorizations) head.Append(CultureInfo.InvariantCulture, $"Authorization: {value}\r\n");
        if (body is not null)
        {
            head.Append(CultureInfo.InvariantCulture, $"Content-Length: {Encoding.UTF8.GetByteCount(body)}\r\n");
        }

        return await SendAsync(server, head.Append("\r\n").Append(body).ToString());
    }

    /// <summary>Sends these characters, and reads until the server closes the connection.</summary>
    public static async Task<Reply> SendAsync(Uri server, string request)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        using var tcp = new TcpClient();
        await tcp.ConnectAsync(server.Host, server.Port, patience.Token);
        Stream stream = tcp.GetStream();
        if (server.Scheme == "https")
        {
            var tls = new SslStream(stream);
            await tls.AuthenticateAsClientAsync(TestCa.Shared.Trusting(server.Host), patience.Token);
            stream = tls;
        }

        await using (stream)
        {
            await stream.WriteAsync(Encoding.UTF8.GetBytes(request), patience.Token);
            using var all = new MemoryStream();
            try
            {
                await stream.CopyToAsync(all, patience.Token);
            }
            catch (IOException) when (all.Length > 0)
            {
                // The response to an incomplete request ends with a reset.
            }

            return Read(Encoding.UTF8.GetString(all.ToArray()));
        }
    }

    private static Reply Read(string text)
    {
        var end = text.IndexOf("\r\n\r\n", StringComparison.Ordinal);
        Assert.That(end, Is.Positive, $"This is no response: {text}");
        var lines = text[..end].Split("\r\n");
        using var response = new HttpResponseMessage { Content = new ByteArrayContent([]) };
        foreach (var line in lines.Skip(1).Select(line => line.Split(": ", 2)))
        {
            if (!response.Headers.TryAddWithoutValidation(line[0], line[1]))
            {
                response.Content.Headers.TryAddWithoutValidation(line[0], line[1]);
            }
        }

        var status = int.Parse(lines[0].Split(' ')[1], CultureInfo.InvariantCulture);
        return new Reply(status, text[(end + 4)..], response.Headers, response.Content.Headers);
    }
}
