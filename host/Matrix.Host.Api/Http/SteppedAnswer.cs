using Matrix.Host.Rooms.Reading;
using Microsoft.AspNetCore.Http;

namespace Matrix.Host.Api.Http;

/// <summary>Responses that are written while they are sent.</summary>
public abstract partial class Answer
{
    /// <summary>429: no memory for a large request or response of the caller was free in time.</summary>
    internal static Answer Busy { get; } = LimitExceeded(
        TimeSpan.FromSeconds(5), "Too many large requests of yours are in progress.");

    /// <summary>
    /// 200 with a body that is written in steps, at the pace of the client. What fails before the first step is an
    /// error; afterwards the connection ends.
    /// </summary>
    /// <param name="call">The request. Its access is checked again between steps.</param>
    /// <param name="write">Writes the body. It may return another response, if no step was sent.</param>
    /// <param name="waits">Whether it may wait for news. It then ends when the caller's session does.</param>
    internal static Answer InSteps(
        Call call, Func<ResponseWriter, CancellationToken, ValueTask<Answer?>> write, bool waits = false) =>
        new Stepped(call, write, waits);

    /// <summary>The same response, which returns a share of memory once it was sent.</summary>
    internal Answer Holding(IDisposable memory) => new WithMemory(this, memory);

    /// <summary>The body of a success, for callers that change it, which is then released; or the error.</summary>
    /// <param name="most">The most bytes.</param>
    internal virtual ValueTask<(byte[]? Body, Answer? Error)> ReadAsync(int most, CancellationToken stop)
    {
        if (Status != 200) return new((null, this));
        var bytes = ToArray();
        Release();
        return new((bytes, null));
    }

    private sealed class WithMemory(Answer inner, IDisposable memory) : Answer(inner.Status)
    {
        public override string? Code => inner.Code;

        internal override long Length => inner.Length;

        internal override bool IsInSteps => inner.IsInSteps;

        internal override Answer AsBytes() => new WithMemory(inner.AsBytes(), memory);

        internal override void BeginSending() => inner.BeginSending();

        internal override void Release()
        {
            inner.Release();
            memory.Dispose();
        }

        internal override ValueTask SendAsync(HttpResponse response) => inner.SendAsync(response);

        protected override void WriteTo(System.Text.Json.Utf8JsonWriter json) => inner.WriteTo(json);
    }

    private sealed class Stepped(
        Call call, Func<ResponseWriter, CancellationToken, ValueTask<Answer?>> write, bool waits) : Answer(200)
    {
        protected override void WriteTo(System.Text.Json.Utf8JsonWriter json) => throw new NotSupportedException();

        internal override bool IsInSteps => true;

        internal override async ValueTask SendAsync(HttpResponse response)
        {
            using var writer = new HttpWriter(this, call, response);
            using var waiting = BeginWaiting(response.HttpContext.RequestAborted);
            Answer? other;
            try
            {
                var stop = waiting?.Stop ?? response.HttpContext.RequestAborted;
                other = await write(writer, stop);
                if (other is null) await writer.EndAsync(stop);
            }
            catch (OperationCanceledException) when (waiting?.Refusal is not null)
            {
                if (response.HasStarted) throw new ResponseEndedException("The caller's access ended.");
                other = waiting.Refusal;
            }
            catch (RefusedException refused)
            {
                other = refused.Answer;
            }

            if (other is not null) await other.SendAsync(response);
        }

        internal override async ValueTask<(byte[]? Body, Answer? Error)> ReadAsync(int most, CancellationToken stop)
        {
            using var writer = new MemoryWriter(call, most);
            using var waiting = BeginWaiting(stop);
            try
            {
                var other = await write(writer, waiting?.Stop ?? stop);
                return other is null ? (writer.ToArray(), null) : (null, other);
            }
            catch (OperationCanceledException) when (waiting?.Refusal is not null)
            {
                return (null, waiting.Refusal);
            }
            catch (BodyTooLargeException)
            {
                return (null, TooLarge($"The response exceeds {most} bytes."));
            }
        }

        private WaitingRequest? BeginWaiting(CancellationToken stop) =>
            waits ? call.Server?.BeginWaiting(call, stop) : null;

        internal void BeginSteps(HttpResponse response) => Begin(response, null);

        internal void BeginWhole(HttpResponse response, ReadOnlySpan<byte> body) => Send(response, body);
    }

    /// <summary>A writer that reserves memory in the share of its caller.</summary>
    private abstract class ReservingWriter(Call call) : ResponseWriter
    {
        private ByteBudget.Share? _memory;

        public override async ValueTask<bool> ReserveAsync(CancellationToken stop)
        {
            if (call.Server is null || _memory is not null) return true;
            _memory = await call.Server.ReserveAsync(call, stop);
            return _memory is not null;
        }

        public override void Release()
        {
            _memory?.Dispose();
            _memory = null;
        }

        protected override void Dispose(bool isDisposing)
        {
            Release();
            base.Dispose(isDisposing);
        }
    }

    private sealed class HttpWriter(Stepped answer, Call call, HttpResponse response) : ReservingWriter(call)
    {
        /// <summary>How long a response is sent before its caller is judged again.</summary>
        private static readonly TimeSpan _judgedAfter = TimeSpan.FromSeconds(1);

        private readonly Call _call = call;
        private long _judgedAt = TimeProvider.System.GetTimestamp();
        private Task _taken = Task.CompletedTask;

        /// <summary>Sends the rest.</summary>
        internal async ValueTask EndAsync(CancellationToken stop)
        {
            if (!HasBegun)
            {
                await JudgeAsync(stop);
                answer.BeginWhole(response, Buffer.Written);
                return;
            }

            await SendStepAsync(Buffer.WrittenMemory, stop);
            await _taken;
        }

        protected override async ValueTask SendAsync(ReadOnlyMemory<byte> written, CancellationToken stop)
        {
            if (!HasBegun)
            {
                await JudgeAsync(stop);
                answer.BeginSteps(response);
                await response.StartAsync(stop);
            }

            await SendStepAsync(written, stop);
        }

        /// <summary>
        /// Waits until the client has taken the step before, and hands this one to the web server, which sends it while
        /// the next is read.
        /// </summary>
        private async ValueTask SendStepAsync(ReadOnlyMemory<byte> written, CancellationToken stop)
        {
            await _taken;
            if (TimeProvider.System.GetElapsedTime(_judgedAt) > _judgedAfter)
            {
                await JudgeAsync(stop);
            }

            if (await SendPiecesAsync(response, written, 0) > 0)
            {
                _taken = FlushAsync(response).AsTask();
            }
        }

        private async ValueTask JudgeAsync(CancellationToken stop)
        {
            _judgedAt = TimeProvider.System.GetTimestamp();
            if (_call.Server is { } server
                && await server.JudgeAgainAsync(_call, stop) is { } refusal)
            {
                throw response.HasStarted
                    ? new ResponseEndedException("The caller's access ended.")
                    : new RefusedException(refusal);
            }
        }
    }

    private sealed class MemoryWriter(Call call, int most) : ReservingWriter(call)
    {
        private readonly MemoryStream _body = new();

        internal byte[] ToArray()
        {
            Add(Buffer.Written);
            return _body.ToArray();
        }

        protected override ValueTask SendAsync(ReadOnlyMemory<byte> written, CancellationToken stop)
        {
            Add(written.Span);
            return ValueTask.CompletedTask;
        }

        protected override void Dispose(bool isDisposing)
        {
            _body.Dispose();
            base.Dispose(isDisposing);
        }

        private void Add(ReadOnlySpan<byte> bytes)
        {
            if (_body.Length + bytes.Length > most) throw new BodyTooLargeException();
            _body.Write(bytes);
        }
    }

    private sealed class BodyTooLargeException : Exception;

    /// <summary>The caller may not call any more.</summary>
    private sealed class RefusedException(Answer answer) : Exception
    {
        internal Answer Answer => answer;
    }
}
