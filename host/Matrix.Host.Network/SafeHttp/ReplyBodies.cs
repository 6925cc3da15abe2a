using System.Buffers;
using System.Numerics;

namespace Matrix.Host.Network.SafeHttp;

/// <summary>
/// Reads bodies of responses, each within its own bound, and all within another (<see cref="BodyMemory"/>).
/// </summary>
internal sealed class ReplyBodies(long mostAtOnce)
{
    private const int FirstBuffer = 16 << 10;

    /// <summary>The largest buffer. All but the first come from a pool, so that none are left behind.</summary>
    private const int LargestBuffer = 256 << 10;

    private readonly BodyMemory _memory = new(mostAtOnce);

    /// <summary>The bytes of all responses that are read or used.</summary>
    internal long BytesHeld => _memory.Held;

    /// <summary>Reads the whole body. Its bytes count until it is collected.</summary>
    /// <param name="use">Gets the body, and what counts the memory that its use takes.</param>
    /// <exception cref="HttpFailureException">It is larger than a bound.</exception>
    internal async ValueTask<T> ReadAsync<T>(
        HttpContent content, int most, Func<byte[], BodyMemory.Share, T> use, CancellationToken stop)
    {
        var length = content.Headers.ContentLength;
        if (length > most) throw TooLarge(most);

        using var share = _memory.Open();
        using var stream = await content.ReadAsStreamAsync(stop);
        var first = new byte[(int)Math.Min(length ?? FirstBuffer, FirstBuffer)];
        var count = await stream.ReadAtLeastAsync(first, first.Length, throwOnEndOfStream: false, stop);
        if (count < first.Length) Array.Resize(ref first, count);
        var body = count < FirstBuffer || count == length
            ? first
            : await ReadRestAsync(stream, first, length, most, share, stop);
        if (body.Length > most) throw TooLarge(most);
        share.Keep(body, body.Length);
        return use(body, share);
    }

    private static async ValueTask<byte[]> ReadRestAsync(
        Stream stream, byte[] first, long? length, int most, BodyMemory.Share share, CancellationToken stop)
    {
        // A length is a promise only: memory grows with what arrives.
        var buffers = new List<(byte[] Bytes, int Count)>();
        try
        {
            var count = first.Length;
            while (count != length)
            {
                // As much as has arrived, so that a small body takes little.
                var size = Math.Clamp((int)BitOperations.RoundUpToPowerOf2((uint)count), FirstBuffer, LargestBuffer);
                share.Take(size);
                var buffer = ArrayPool<byte>.Shared.Rent(size);
                buffers.Add((buffer, 0));
                var read = await stream.ReadAtLeastAsync(
                    buffer.AsMemory(0, size), size, throwOnEndOfStream: false, stop);
                buffers[^1] = (buffer, read);
                count += read;
                if (count > most) throw TooLarge(most);
                if (read < size) break;
            }

            share.Take(count);
            var body = GC.AllocateUninitializedArray<byte>(count);
            first.CopyTo(body, 0);
            var at = first.Length;
            foreach (var (bytes, read) in buffers)
            {
                bytes.AsSpan(0, read).CopyTo(body.AsSpan(at));
                at += read;
            }

            return body;
        }
        finally
        {
            foreach (var (bytes, _) in buffers) ArrayPool<byte>.Shared.Return(bytes);
            share.GiveBack(buffers.Sum(static buffer => (long)buffer.Bytes.Length));
        }
    }

    private static HttpFailureException TooLarge(int most) =>
        new(HttpFailureKind.TooLarge, $"the response has more than {most} bytes");
}
