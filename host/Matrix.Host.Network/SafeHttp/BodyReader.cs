namespace Matrix.Host.Network.SafeHttp;

/// <summary>
/// Reads bodies of responses, each within its own bound, and all that are read at once within another.
/// </summary>
internal sealed class BodyReader(long mostAtOnce)
{
    private const int FirstBuffer = 16 << 10;

    private long _reading;

    internal long BytesBeingRead => Volatile.Read(ref _reading);

    /// <summary>The whole body.</summary>
    /// <exception cref="HttpFailureException">It is larger than a bound.</exception>
    internal async ValueTask<byte[]> ReadAsync(HttpContent content, int most, CancellationToken stop)
    {
        var length = content.Headers.ContentLength;
        if (length > most) throw TooLarge(most);

        using var stream = await content.ReadAsStreamAsync(stop).ConfigureAwait(false);
        // A length is a promise only: memory grows with what arrives.
        var bytes = new byte[(int)Math.Min(length ?? FirstBuffer, FirstBuffer)];
        var count = 0;
        var taken = 0L;
        try
        {
            while (count != length)
            {
                if (count == bytes.Length)
                {
                    var size = (int)Math.Min(Math.Max(2L * count, FirstBuffer), length ?? (most + 1L));
                    Take(size - bytes.Length);
                    taken += size - bytes.Length;
                    Array.Resize(ref bytes, size);
                }

                var read = await stream.ReadAsync(bytes.AsMemory(count), stop).ConfigureAwait(false);
                if (read == 0) break;
                count += read;
                if (count > most) throw TooLarge(most);
            }
        }
        finally
        {
            Interlocked.Add(ref _reading, -taken);
        }

        if (count != bytes.Length) Array.Resize(ref bytes, count);
        return bytes;
    }

    private void Take(long more)
    {
        if (Interlocked.Add(ref _reading, more) <= mostAtOnce) return;
        Interlocked.Add(ref _reading, -more);
        throw new HttpFailureException(
            HttpFailureKind.TooLarge, $"the responses that are read at once have more than {mostAtOnce} bytes");
    }

    private static HttpFailureException TooLarge(int most) =>
        new(HttpFailureKind.TooLarge, $"the response has more than {most} bytes");
}
