using System.Diagnostics.Metrics;
using Matrix.Core.Facade;
using Matrix.Core.Json;
using Matrix.Host.Storage.Commits;
using Microsoft.Extensions.Logging;

namespace Matrix.Host.Api.Federation.Transactions.Edus;

/// <summary>
/// Passes the EDUs of a transaction to their handlers. Malformed and unknown EDUs are ignored and counted.
/// v1.19 server-server-api#definition-ephemeral-data-unit
/// </summary>
internal sealed partial class ReceivedEdus(IEnumerable<IEduHandler> handlers, ILogger<ReceivedEdus> log)
{
    private static readonly Meter _meter = new("Matrix.Host.Edus");

    private static readonly Counter<long> _received = _meter.CreateCounter<long>(
        "matrix_federation_received_edus", "{edu}", "EDUs of other servers, by type and outcome.");

    private readonly Dictionary<string, IEduHandler> _handlers = handlers.ToDictionary(each => each.Type);

    /// <summary>Takes EDUs: those of each type in their order, one type after the other.</summary>
    /// <exception cref="StorageException">The storage failed. Some of the EDUs may be taken already.</exception>
    internal async ValueTask ReceiveAsync(string origin, IReadOnlyList<Json> edus, CancellationToken stop)
    {
        var byType = new Dictionary<IEduHandler, List<JsonObject>>();
        foreach (var edu in edus)
        {
            if (edu is not Json.Object { Item: var whole }
                || whole.Text("edu_type") is not { } type
                || ContentOf(whole) is not { } content)
            {
                Count("", "malformed", 1);
            }
            else if (!_handlers.TryGetValue(type, out var handler))
            {
                Count("", "unknown", 1);
            }
            else
            {
                if (!byType.TryGetValue(handler, out var contents)) byType[handler] = contents = [];
                contents.Add(content);
            }
        }

        foreach (var (handler, contents) in byType)
        {
            await ReceiveAsync(handler, origin, contents, stop);
        }
    }

    /// <summary>
    /// Takes EDUs of one type. An EDU that cannot be stored harms no other: they are taken one by one then.
    /// </summary>
    private async ValueTask ReceiveAsync(
        IEduHandler handler, string origin, List<JsonObject> contents, CancellationToken stop)
    {
        try
        {
            var ignored = await handler.ReceiveAsync(origin, contents, stop);
            Count(handler.Type, "taken", contents.Count - ignored);
            Count(handler.Type, "ignored", ignored);
        }
        catch (Exception fault) when (fault is not OperationCanceledException
            and not StorageException { Failure: not StorageFailure.Rejected })
        {
            if (contents.Count > 1)
            {
                foreach (var each in contents)
                {
                    await ReceiveAsync(handler, origin, [each], stop);
                }

                return;
            }

            Count(handler.Type, "failed", 1);
            LogFailed(fault, handler.Type, origin);
        }
    }

    private static JsonObject? ContentOf(JsonObject edu) =>
        edu.IndexOf("content") is >= 0 and var at
        && edu.Value(at) is Json.Object { Item: var content }
        && JsonText.FitsEvents(content)
            ? content
            : null;

    private static void Count(string type, string outcome, int edus)
    {
        if (edus == 0) return;
        _received.Add(
            edus,
            new KeyValuePair<string, object?>("type", type),
            new KeyValuePair<string, object?>("outcome", outcome));
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "An EDU of type {Type} of {Origin} was not taken")]
    private partial void LogFailed(Exception fault, string type, string origin);
}
