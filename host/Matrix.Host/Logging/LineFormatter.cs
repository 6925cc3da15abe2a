using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Logging.Console;
using Microsoft.Extensions.Options;

namespace Matrix.Host.Logging;

/// <summary>
/// Writes one line for each message: the time, the level, the source, the message and its named values, as `name=value`
/// (logfmt) or as JSON.
/// </summary>
internal sealed class LineFormatter(bool json) : ConsoleFormatter(json ? "json-line" : "logfmt")
{
    private const int Waiting = 4096;

    /// <summary>
    /// Logs to standard output on a thread of its own. If that does not keep up, messages are dropped and counted;
    /// requests never wait for it.
    /// </summary>
    internal static ConsoleLoggerProvider ToStandardOutput(bool json)
    {
        var formatter = new LineFormatter(json);
        var options = new ConsoleLoggerOptions
        {
            FormatterName = formatter.Name,
            MaxQueueLength = Waiting,
            QueueFullMode = ConsoleLoggerQueueFullMode.DropWrite,
        };
        return new ConsoleLoggerProvider(new FixedOptions(options), [formatter]);
    }

    public override void Write<TState>(
        in LogEntry<TState> logEntry, IExternalScopeProvider? scopeProvider, TextWriter textWriter)
    {
        var values = logEntry.State as IReadOnlyList<KeyValuePair<string, object?>> ?? [];
        var (level, message) = (NameOf(logEntry.LogLevel), logEntry.Formatter(logEntry.State, null));
        textWriter.Write(json
            ? Json(DateTime.UtcNow, level, logEntry.Category, message, values, logEntry.Exception)
            : Line(DateTime.UtcNow, level, logEntry.Category, message, values, logEntry.Exception));
        textWriter.Write('\n');
    }

    private static string NameOf(LogLevel level) => level switch
    {
        LogLevel.Trace or LogLevel.Debug => "debug",
        LogLevel.Information => "information",
        LogLevel.Warning => "warning",
        _ => "error",
    };

    private static string Json(
        DateTime at, string level, string category, string message, IReadOnlyList<KeyValuePair<string, object?>> values,
        Exception? fault)
    {
        var bytes = new ArrayBufferWriter<byte>(512);
        var options = new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
        using (var json = new Utf8JsonWriter(bytes, options))
        {
            json.WriteStartObject();
            json.WriteString("time", at.ToString("yyyy-MM-ddTHH:mm:ss.fffZ", CultureInfo.InvariantCulture));
            json.WriteString("level", level);
            json.WriteString("source", category);
            json.WriteString("message", message);
            foreach (var (name, value) in values)
            {
                if (name != "{OriginalFormat}")
                {
                    json.WriteString(Snake(name), Convert.ToString(value, CultureInfo.InvariantCulture));
                }
            }

            if (fault is not null) json.WriteString("fault", fault.ToString());
            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(bytes.WrittenSpan);
    }

    private static string Line(
        DateTime at, string level, string category, string message, IReadOnlyList<KeyValuePair<string, object?>> values,
        Exception? fault)
    {
        var line = new StringBuilder(256);
        line.Append(
            CultureInfo.InvariantCulture,
            $"time={at:yyyy-MM-ddTHH:mm:ss.fffZ} level={level} source={category} message=");
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

        return line.ToString();
    }

    private static void Quote(StringBuilder line, string text)
    {
        if (text.Length > 0
            && !text.AsSpan().ContainsAnyExceptInRange('!', '~')
            && !text.AsSpan().ContainsAny('"', '='))
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

    /// <summary>Options that do not change while the server runs.</summary>
    private sealed class FixedOptions(ConsoleLoggerOptions options) : IOptionsMonitor<ConsoleLoggerOptions>
    {
        public ConsoleLoggerOptions CurrentValue => options;

        public ConsoleLoggerOptions Get(string? name) => options;

        public IDisposable? OnChange(Action<ConsoleLoggerOptions, string?> listener) => null;
    }
}
