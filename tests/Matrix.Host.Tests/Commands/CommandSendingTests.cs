using System.Text;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Ownership;
using Matrix.Host.Storage.Ownership.Commands;
using Microsoft.Extensions.Logging.Abstractions;

namespace Matrix.Host.Tests.Commands;

/// <summary>Commands that are sent to the node that has a shard, and carried out there.</summary>
internal sealed class CommandSendingTests
{
    private static readonly Authority _room = Authority.Room("!kitchen:one.test");

    private static readonly CommandFormats<string> _formats = new CommandFormats<string>()
        .Add<string>(1, static (to, text) => to.Text(text), static from => from.Text());

    private MovableShards _shards = null!;
    private Calls _calls = null!;
    private CommandSender<string> _sender = null!;
    private Func<string, string> _run = null!;

    [SetUp]
    public void SetUp()
    {
        _shards = new MovableShards();
        _run = static text => text + " was done";
        _calls = new Calls(new CommandHandler<string>(
            _formats,
            ShardCallKind.Room,
            static _ => _room,
            _shards.Gates,
            (text, _) => ValueTask.FromResult<ReadOnlyMemory<byte>>(Encoding.UTF8.GetBytes(_run(text))),
            NullLogger.Instance));
        _sender = new CommandSender<string>(
            _formats, ShardCallKind.Room, static _ => _room, _shards.Gates, _calls);
    }

    [Test]
    public async Task A_shard_that_is_here_needs_no_call()
    {
        Assert.That(await RunAsync("here"), Is.EqualTo("here"));
        Assert.That(_calls.Count, Is.Zero);
    }

    [Test]
    public async Task A_shard_that_goes_meanwhile_is_asked_for()
    {
        Assert.That(
            await RunAsync("here", static () => throw ShardGates.NotOwned(_room)), Is.EqualTo("command was done"));
    }

    [Test]
    public async Task A_shard_elsewhere_is_asked_once_more_if_there_is_no_answer()
    {
        Assert.That(await AskAsync(), Is.EqualTo("command was done"));
        Assert.That(_calls.Count, Is.EqualTo(1));
        _calls.Unanswered = 1;
        Assert.That(await AskAsync(), Is.EqualTo("command was done"));
        _calls.Unanswered = 2;
        Assert.That(Failure(AskAsync), Is.EqualTo(StorageFailure.NotOwned));
    }

    [Test]
    public async Task A_handler_refuses_a_shard_that_is_not_here()
    {
        await _shards.CloseAsync(_room);
        var refused = Assert.ThrowsAsync<StorageException>(AskAsync)!;
        Assert.That((refused.Failure, refused.Owner), Is.EqualTo((StorageFailure.NotOwned, _room)));
        Assert.That(_calls.Count, Is.EqualTo(2));
    }

    [Test]
    public void A_failure_of_the_storage_comes_back_as_such()
    {
        foreach (var failure in Enum.GetValues<StorageFailure>())
        {
            _run = _ => throw new StorageException(failure, "there");
            Assert.That(Failure(AskAsync), Is.EqualTo(failure));
        }
    }

    [Test]
    public void Any_other_fault_there_is_a_failure_here()
    {
        _run = static _ => throw new InvalidOperationException("there");
        Assert.That(Failure(AskAsync), Is.EqualTo(StorageFailure.Unavailable));
    }

    [Test]
    public async Task Bytes_that_are_no_command_are_refused_by_a_reply()
    {
        var handler = _calls.Handler;
        foreach (var bytes in new byte[][] { [], [0xff], [0x9f, 0x19, 0x03, 0xe8, 0xff], "text"u8.ToArray() })
        {
            _calls.Body = bytes;
            Assert.That((await handler.AnswerAsync(bytes, CancellationToken.None)).Length, Is.GreaterThan(0));
            Assert.That(Failure(AskAsync), Is.EqualTo(StorageFailure.NotOwned));
        }
    }

    [Test]
    public void A_reply_that_cannot_be_read_is_none()
    {
        _calls.Answer = "malformed"u8.ToArray();
        Assert.That(Failure(AskAsync), Is.EqualTo(StorageFailure.NotOwned));
    }

    private static StorageFailure Failure(Func<Task<string>> act) =>
        Assert.ThrowsAsync<StorageException>(() => act())!.Failure;

    private Task<string> AskAsync() => _sender.AskAsync(
        "command", static bytes => Encoding.UTF8.GetString(bytes.Span), CancellationToken.None).AsTask();

    private Task<string> RunAsync(string here, Action? before = null) => _sender.RunAsync(
        _room,
        () =>
        {
            before?.Invoke();
            return ValueTask.FromResult(here);
        },
        static () => "command",
        static bytes => Encoding.UTF8.GetString(bytes.Span),
        CancellationToken.None).AsTask();

    private sealed class Calls(IShardCallHandler handler) : IShardCalls
    {
        public IShardCallHandler Handler => handler;

        public int Count { get; private set; }

        public int Unanswered { get; set; }

        public ReadOnlyMemory<byte>? Body { get; set; }

        public ReadOnlyMemory<byte>? Answer { get; set; }

        public async ValueTask<ReadOnlyMemory<byte>> CallAsync(
            Authority owner, ShardCallKind kind, ReadOnlyMemory<byte> body, CancellationToken stop)
        {
            Count++;
            var answer = await handler.AnswerAsync(Body ?? body, stop);
            if (Unanswered-- > 0) throw ShardGates.NotOwned(owner);
            return Answer ?? answer;
        }
    }
}
