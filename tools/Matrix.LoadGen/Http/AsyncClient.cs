using System.Buffers;

namespace Matrix.LoadGen.Http;

/// <summary>
/// Requests of many users to one server that wait side by side: thousands of long-polls take no thread each. It costs
/// a few times as much as an <see cref="HttpConnection"/>, and little beside what a server does for a request.
/// </summary>
internal sealed class AsyncClient : IDisposable
{
    private const int FirstBuffer = 4096;

    private readonly string _server;
    private readonly HttpMessageInvoker _http = new(new SocketsHttpHandler
    {
        AllowAutoRedirect = false,
        UseCookies = false,
        UseProxy = false,
        ActivityHeadersPropagator = null,
        PooledConnectionIdleTimeout = TimeSpan.FromMinutes(5),
    });

    public AsyncClient(Target target) => _server = $"http://{target.Endpoint}";

    /// <summary>Sends a request.</summary>
    /// <param name="method">The method.</param>
    /// <param name="path">The path, escaped.</param>
    /// <param name="authorization">The header; null for none.</param>
    /// <param name="body">The body; null for none.</param>
    /// <param name="contentType">The body's type.</param>
    /// <param name="stop">Ends it, and closes its connection.</param>
    /// <returns>The response, which the caller disposes.</returns>
    public async Task<Reply> SendAsync(
        HttpMethod method,
        string path,
        string? authorization,
        ReadOnlyMemory<byte>? body,
        CancellationToken stop,
        string contentType = "application/json")
    {
        using var request = new HttpRequestMessage(method, new Uri(_server + path));
        if (authorization is not null) request.Headers.TryAddWithoutValidation("Authorization", authorization);
        if (body is { } bytes)
        {
            request.Content = new ReadOnlyMemoryContent(bytes);
            request.Content.Headers.TryAddWithoutValidation("Content-Type", contentType);
        }

        using var response = await _http.SendAsync(request, stop);
        var buffer = ArrayPool<byte>.Shared.Rent((int)(response.Content.Headers.ContentLength ?? FirstBuffer) + 1);
        var length = 0;
        try
        {
            await using var stream = await response.Content.ReadAsStreamAsync(stop);
            int read;
            while ((read = await stream.ReadAsync(buffer.AsMemory(length), stop)) > 0)
            {
                length += read;
                if (length < buffer.Length) continue;
                var larger = ArrayPool<byte>.Shared.Rent(buffer.Length * 2);
                buffer.CopyTo(larger, 0);
                ArrayPool<byte>.Shared.Return(buffer);
                buffer = larger;
            }
        }
        catch
        {
            ArrayPool<byte>.Shared.Return(buffer);
            throw;
        }

        return new Reply((int)response.StatusCode, buffer, length);
    }

    public void Dispose() => _http.Dispose();
}

/// <summary>A response.</summary>
/// <param name="status">The HTTP status.</param>
/// <param name="buffer">A rented array, of which the body is the beginning.</param>
/// <param name="length">The length of the body.</param>
internal sealed class Reply(int status, byte[] buffer, int length) : IDisposable
{
    private byte[]? _buffer = buffer;

    public int Status => status;

    /// <summary>The body; valid until the reply is disposed.</summary>
    public ReadOnlyMemory<byte> Body => _buffer.AsMemory(0, length);

    public void Dispose()
    {
        if (_buffer is { } rented) ArrayPool<byte>.Shared.Return(rented);
        _buffer = null;
    }
}
