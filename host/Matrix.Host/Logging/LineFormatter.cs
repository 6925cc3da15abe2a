using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;

namespace Matrix.Host.Logging;

/// <summary>
/// Writes a line for each message: the time, the level, where it comes from, what it says and its named values, as `name=value` or as
/// JSON. A thread of its own writes; if it does not keep up, messages are dropped and counted rather than requests held up.
/// </summary>
internal sealed class LineLogger : ILoggerProvider
{
    private const int Waiting = 4096;

    private readonly Channel<byte[]> _lines;
    private readonly Task _writing;
    private readonly bool _json;
    private readonly LogLevel _least;
    private long _dropped;

    internal LineLogger(Stream to, bool json, LogLevel least)
    {
        _json = json;
        _least = least;
        _lines = Channel.CreateBounded<byte[]>(new BoundedChannelOptions(Waiting) { SingleReader = true });
        _writing = Task.Run(() => WriteAsync(to));
    }

    /// <summary>Messages that were dropped because writing did not keep up.</summary>
    internal long Dropped => Interlocked.Read(ref _dropped);

    public ILogger CreateLogger(string categoryName) => new Source(this, categoryName);

    public void Dispose()
    {
        _lines.Writer.TryComplete();
        _writing.Wait(TimeSpan.FromSeconds(1));
    }

    private async Task WriteAsync(Stream to)
    {
        await foreach (var line in _lines.Reader.ReadAllAsync().ConfigureAwait(false))
        {
            try
            {
                await to.WriteAsync(line).ConfigureAwait(false);
                if (_lines.Reader.Count == 0) await to.FlushAsync().ConfigureAwait(false);
            }
            catch (IOException)
            {
                // Whoever read our output has gone; the server goes on.
                Interlocked.Increment(ref _dropped);
            }
        }
    }

    private void Add(byte[] line)
    {
        if (!_lines.Writer.TryWrite(line)) Interlocked.Increment(ref _dropped);
    }

    private sealed class Source(LineLogger owner, string category) : ILogger
    {
        // The web server's own messages about single connections are not for who runs a homeserver.
        private readonly LogLevel _least = category.StartsWith("Microsoft.", StringComparison.Ordinal)
            ? (LogLevel)Math.Max((int)owner._least, (int)LogLevel.Warning)
            : owner._least;

        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= _least && logLevel != LogLevel.None;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (!IsEnabled(logLevel)) return;
            var values = state as IReadOnlyList<KeyValuePair<string, object?>> ?? [];
            var message = formatter(state, null);
            owner.Add(owner._json
                ? Json(DateTime.UtcNow, NameOf(logLevel), category, message, values, exception)
                : Line(DateTime.UtcNow, NameOf(logLevel), category, message, values, exception));
        }
    }

    private static string NameOf(LogLevel level) => level switch
    {
        LogLevel.Trace or LogLevel.Debug => "debug",
        LogLevel.Information => "information",
        LogLevel.Warning => "warning",
        _ => "error",
    };

    private static byte[] Json(
        DateTime at, string level, string category, string message, IReadOnlyList<KeyValuePair<string, object?>> values, Exception? fault)
    {
        var bytes = new ArrayBufferWriter<byte>(512);
        using (var json = new Utf8JsonWriter(bytes, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            json.WriteString("time", at.ToString("yyyy-MM-ddTHH:mm:ss.fffZ", CultureInfo.InvariantCulture));
            json.WriteString("level", level);
            json.WriteString("source", category);
            json.WriteString("message", message);
            foreach (var (name, value) in values)
            {
                if (name != "{OriginalFormat}") json.WriteString(Snake(name), Convert.ToString(value, CultureInfo.InvariantCulture));
            }

            if (fault is not null) json.WriteString("fault", fault.ToString());
            json.WriteEndObject();
        }

        bytes.Write("\n"u8);
        return bytes.WrittenSpan.ToArray();
    }

    private static byte[] Line(
        DateTime at, string level, string category, string message, IReadOnlyList<KeyValuePair<string, object?>> values, Exception? fault)
    {
        var line = new StringBuilder(256);
        line.Append(CultureInfo.InvariantCulture, $"time={at:yyyy-MM-ddTHH:mm:ss.fffZ} level={level} source={category} message=");
        Quote(line, message);
        foreach (var (name, value) in values)
        {
            if (name == "{OriginalFormat}") continue;
            line.Append(' ').Append(Snake(name)).Append('=');
            Quote(line, Convert.ToString(value, CultureInfo.InvariantCulture) ?? "");
        }

        if (fault is not null)
        {
            line.Append(" fault=");
            Quote(line, fault.ToString());
        }

        return Encoding.UTF8.GetBytes(line.Append('\n').ToString());
    }

    private static void Quote(StringBuilder line, string text)
    {
        if (text.Length > 0 && !text.AsSpan().ContainsAnyExceptInRange('!', '~') && !text.AsSpan().ContainsAny('"', '='))
        {
            line.Append(text);
            return;
        }

        line.Append('"');
        foreach (var c in text)
        {
            _ = c switch
            {
                '"' or '\\' => line.Append('\\').Append(c),
                '\n' => line.Append("\\n"),
                '\r' => line.Append("\\r"),
                < ' ' or '\x7f' => line.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}"),
                _ => line.Append(c),
            };
        }

        line.Append('"');
    }

    private static string Snake(string name)
    {
        var snake = new StringBuilder(name.Length + 4);
        for (var i = 0; i < name.Length; i++)
        {
            if (char.IsAsciiLetterUpper(name[i]) && i > 0) snake.Append('_');
            snake.Append(char.ToLowerInvariant(name[i]));
        }

        return snake.ToString();
    }
}
