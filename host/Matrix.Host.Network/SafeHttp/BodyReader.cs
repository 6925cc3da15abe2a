namespace Matrix.Host.Network.SafeHttp;

/// <summary>
/// Reads bodies of responses, each within its own bound, and all that are read and used at once within another.
/// </summary>
internal sealed class BodyReader(long mostAtOnce)
{
    private const int FirstBuffer = 16 << 10;

    private long _reading;

    internal long BytesBeingRead => Volatile.Read(ref _reading);

    /// <summary>Reads the whole body. Its bytes count until <paramref name="use"/> returned.</summary>
    /// <exception cref="HttpFailureException">It is larger than a bound.</exception>
    internal async ValueTask<T> ReadAsync<T>(
        HttpContent content, int most, Func<byte[], T> use, CancellationToken stop)
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

            if (count != bytes.Length) Array.Resize(ref bytes, count);
            return use(bytes);
        }
        finally
        {
            Interlocked.Add(ref _reading, -taken);
        }
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
