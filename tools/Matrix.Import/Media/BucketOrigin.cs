using System.Net;
using System.Text;
using Amazon;
using Amazon.Runtime;
using Amazon.S3;
using Amazon.S3.Model;
using Matrix.Import.Sources;

namespace Matrix.Import.Media;

/// <summary>
/// A bucket of the S3 storage provider: an object for each file, named by the provider's prefix and the file's path.
/// </summary>
internal sealed class BucketOrigin : IMediaOrigin
{
    private const string EncryptionMethod = "AES256";

    private readonly AmazonS3Client _client;
    private readonly BucketAddress _address;

    // The provider's library takes the key as text, and encodes it; this one takes it encoded.
    private readonly string _encryptionKey;

    public BucketOrigin(BucketAddress address)
    {
        _address = address;
        _encryptionKey = Convert.ToBase64String(Encoding.UTF8.GetBytes(address.EncryptionKey));
        var config = new AmazonS3Config { Timeout = TimeSpan.FromMinutes(5), MaxErrorRetry = 3 };
        if (address.EndPoint.Length > 0) (config.ServiceURL, config.ForcePathStyle) = (address.EndPoint, true);
        if (address.Region.Length > 0)
        {
            if (address.EndPoint.Length > 0) config.AuthenticationRegion = address.Region;
            else config.RegionEndpoint = RegionEndpoint.GetBySystemName(address.Region);
        }

        _client = address.AccessKey.Length == 0 ? new AmazonS3Client(config)
            : address.SessionToken.Length == 0
                ? new AmazonS3Client(new BasicAWSCredentials(address.AccessKey, address.SecretKey), config)
            : new AmazonS3Client(
                new SessionAWSCredentials(address.AccessKey, address.SecretKey, address.SessionToken), config);
    }

    public string Description => $"the bucket {_address.Bucket}";

    public async Task<string?> FindAsync(string path, string fetchTo, CancellationToken stop)
    {
        var request = new GetObjectRequest { BucketName = _address.Bucket, Key = _address.Prefix + path };
        if (_address.EncryptionKey.Length > 0)
        {
            request.ServerSideEncryptionCustomerMethod = new ServerSideEncryptionCustomerMethod(EncryptionMethod);
            request.ServerSideEncryptionCustomerProvidedKey = _encryptionKey;
        }

        try
        {
            using var response = await _client.GetObjectAsync(request, stop);
            await response.WriteResponseStreamToFileAsync(fetchTo, append: false, stop);
            return fetchTo;
        }
        catch (AmazonS3Exception fault) when (fault.StatusCode == HttpStatusCode.NotFound)
        {
            return null;
        }
        catch (Exception fault) when (fault is AmazonServiceException or AmazonClientException or TimeoutException)
        {
            throw new IOException($"{Description} cannot be read: {fault.Message}", fault);
        }
    }

    public void Dispose() => _client.Dispose();
}
